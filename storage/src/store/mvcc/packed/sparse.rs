//! What few rows of a leaf have.

/// Values by the number of the row that has them, in order.
#[derive(Clone, Debug)]
pub(super) struct Sparse<T>(Vec<(u32, T)>);

impl<T> Sparse<T> {
    pub(super) const fn new() -> Sparse<T> {
        Sparse(Vec::new())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn get(&self, row: usize) -> Option<&T> {
        let found = self.place(row).ok()?;
        Some(&self.0[found].1)
    }

    pub(super) fn take(&mut self, row: usize) -> Option<T> {
        let found = self.place(row).ok()?;
        Some(self.0.remove(found).1)
    }

    /// Gives a row that has none a value.
    pub(super) fn set(&mut self, row: usize, value: T) {
        let place = self.place(row).expect_err("the row has none");
        self.0.reserve_exact(1);
        self.0.insert(place, (row as u32, value));
    }

    /// The rows from this one on move up by one.
    pub(super) fn insert_row(&mut self, row: usize) {
        self.behind(row).for_each(|(number, _)| *number += 1);
    }

    /// The rows behind this one, which has no value, move down by one.
    pub(super) fn remove_row(&mut self, row: usize) {
        self.behind(row).for_each(|(number, _)| *number -= 1);
    }

    /// Takes out what the rows from this one on have, which are numbered afresh.
    pub(super) fn split_off(&mut self, row: usize) -> Sparse<T> {
        let place = self.place(row).unwrap_or_else(|place| place);
        let mut rest = self.0.split_off(place);
        rest.iter_mut().for_each(|(number, _)| *number -= row as u32);
        self.0.shrink_to_fit();
        Sparse(rest)
    }

    /// Adds what other rows have; their first one gets this number.
    pub(super) fn append(&mut self, other: Sparse<T>, first: usize) {
        let other = other.0.into_iter();
        self.0
            .extend(other.map(|(number, value)| (number + first as u32, value)));
    }

    fn behind(&mut self, row: usize) -> impl Iterator<Item = &mut (u32, T)> {
        let place = self.place(row).unwrap_or_else(|place| place);
        self.0[place..].iter_mut()
    }

    fn place(&self, row: usize) -> Result<usize, usize> {
        self.0.binary_search_by_key(&(row as u32), |(number, _)| *number)
    }
}
