//! Whose data a directory holds, before anything is written into it.

use std::path::Path;

use crate::exit::Stop;

/// What stands in a data directory of etcd and never in one of Balsa.
const ETCD_MARKS: &[&str] = &["member/wal", "member/snap", "proxy/cluster"];

/// Refuses a directory that etcd has written to; anything else is for the storage to judge.
pub(crate) fn refuse_etcd(dir: &Path) -> Result<(), Stop> {
    match ETCD_MARKS.iter().find(|mark| dir.join(mark).exists()) {
        Some(mark) => Err(Stop::Etcd {
            dir: dir.to_owned(),
            found: mark.into(),
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn an_etcd_directory_is_refused_by_name() {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("default.etcd");
        assert_eq!(refuse_etcd(&data), Ok(()));
        fs::create_dir(&data).unwrap();
        assert_eq!(refuse_etcd(&data), Ok(()));
        fs::create_dir_all(data.join("member/snap")).unwrap();
        let stop = refuse_etcd(&data).unwrap_err();
        let message = stop.to_string();
        assert!(
            message.contains("default.etcd holds data of etcd (member/snap)"),
            "{message}"
        );
        assert_eq!(stop.code(), 1);
    }

    #[test]
    fn a_proxys_directory_is_refused_too() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("proxy")).unwrap();
        fs::write(dir.path().join("proxy/cluster"), "{}").unwrap();
        assert!(refuse_etcd(dir.path()).is_err());
    }
}
