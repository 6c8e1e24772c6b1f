//! How large a request would be in protobuf: etcd's limits are in those bytes.

use super::error::{Code, Refusal};

/// The largest request that is replicated: etcd's `--max-request-bytes`.
const REPLICATED_BYTES_MAX: usize = 1536 << 10;

/// The largest request of any kind: gRPC takes no more.
const RECEIVED_BYTES_MAX: usize = REPLICATED_BYTES_MAX + (512 << 10);

/// The size of a request, added up field by field. Fields with their default are not sent and weigh nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Size(usize);

impl Size {
    pub(super) fn bytes(self, field: &[u8]) -> Size {
        if field.is_empty() {
            return self;
        }
        Size(self.0 + 1 + varint(field.len() as u64) + field.len())
    }

    pub(super) fn boolean(self, field: bool) -> Size {
        Size(self.0 + 2 * usize::from(field))
    }

    pub(super) fn integer(self, field: i64) -> Size {
        if field == 0 {
            return self;
        }
        Size(self.0 + 1 + varint(field.cast_unsigned()))
    }

    /// A message in a field. It is sent even if it has no fields.
    pub(super) fn message(self, inner: Size) -> Size {
        Size(self.0 + 1 + varint(inner.0 as u64) + inner.0)
    }

    /// Refuses what gRPC would not take.
    pub(super) fn check_received(self) -> Result<(), Refusal> {
        if self.0 <= RECEIVED_BYTES_MAX {
            return Ok(());
        }
        let size = self.0;
        let message = format!("grpc: received message larger than max ({size} vs. {RECEIVED_BYTES_MAX})");
        Err(Refusal::new(Code::ResourceExhausted, message))
    }

    /// Refuses what would make too large an entry of the log.
    pub(super) fn check_replicated(self) -> Result<(), Refusal> {
        if self.0 <= REPLICATED_BYTES_MAX {
            return Ok(());
        }
        Err(Refusal::invalid("etcdserver: request is too large"))
    }
}

/// Bytes of a number in groups of seven bits.
fn varint(value: u64) -> usize {
    let bits = u64::BITS - (value | 1).leading_zeros();
    bits.div_ceil(7) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_those_of_protobuf() {
        assert_eq!(Size::default().bytes(b"").boolean(false).integer(0), Size(0));
        assert_eq!(
            Size::default().bytes(b"foo").bytes(&[0; 127]).bytes(&[0; 128]),
            Size(5 + 129 + 131)
        );
        assert_eq!(Size::default().boolean(true), Size(2));
        assert_eq!(
            Size::default().integer(127).integer(128).integer(-1),
            Size(2 + 3 + 11)
        );
        assert_eq!(Size::default().message(Size(0)).message(Size(128)), Size(2 + 131));
    }
}
