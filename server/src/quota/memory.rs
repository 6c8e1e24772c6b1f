//! How much memory this process may use: the machine's, or less if a control group, of either version, says so.

use std::fs;
use std::path::{Path, PathBuf};

/// The least of the machine's memory and the limits of this process's control group and of all around it; None if the
/// system does not say. `root` is where the system's `proc` is found.
pub(super) fn limit(root: &Path) -> Option<u64> {
    let of_groups = groups(root).into_iter().flat_map(|group| group.limits(root));
    machine(root).into_iter().chain(of_groups).min()
}

fn machine(root: &Path) -> Option<u64> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

/// A hierarchy of control groups that counts memory, and this process's place in it.
#[derive(Debug)]
struct Group {
    mount: PathBuf,
    /// Below the mount.
    place: PathBuf,
    /// Which file of a group says its limit.
    file: &'static str,
}

impl Group {
    /// The limits from this process's group up to the mount. A group that says `max`, or nothing, has none.
    fn limits(&self, root: &Path) -> Vec<u64> {
        let mount = rooted(root, &self.mount);
        let read = |place: &Path| fs::read_to_string(mount.join(place).join(self.file)).ok();
        let texts = self.place.ancestors().filter_map(read);
        texts.filter_map(|text| text.trim().parse().ok()).collect()
    }
}

fn groups(root: &Path) -> Vec<Group> {
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let mounts = fs::read_to_string(root.join("proc/self/mountinfo")).unwrap_or_default();
    mounts.lines().filter_map(|line| group(line, &own)).collect()
}

/// The hierarchy that a line of mountinfo mounts, if it counts memory:
/// `35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory`.
fn group(line: &str, own: &str) -> Option<Group> {
    let (mount, kind) = line.split_once(" - ")?;
    let mut fields = mount.split(' ').skip(3);
    let (top, mount) = (fields.next()?, fields.next()?);
    let mut kind = kind.split(' ');
    let controllers_count = |controllers: &str| controllers.split(',').any(|name| name == "memory");
    let (file, place) = match kind.next()? {
        "cgroup2" => ("memory.max", place(own, str::is_empty)?),
        "cgroup" if kind.nth(1).is_some_and(controllers_count) => {
            ("memory.limit_in_bytes", place(own, controllers_count)?)
        }
        _ => return None,
    };
    // In a container only a part may be mounted, and the place told as from the outside.
    let place = Path::new(place).strip_prefix(top).unwrap_or(Path::new(""));
    Some(Group {
        mount: PathBuf::from(mount),
        place: place.strip_prefix("/").unwrap_or(place).to_owned(),
        file,
    })
}

/// This process's place in the hierarchy of these controllers: `4:memory:/some/group`.
fn place(own: &str, is_wanted: impl Fn(&str) -> bool) -> Option<&str> {
    own.lines().find_map(|line| {
        let (_, line) = line.split_once(':')?;
        let (controllers, place) = line.split_once(':')?;
        is_wanted(controllers).then_some(place)
    })
}

fn rooted(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1 << 20;

    /// A system of these files.
    fn system(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().expect("a temporary directory");
        let meminfo = ("proc/meminfo", "MemTotal:        1048576 kB\nMemFree: 1 kB\n");
        for (path, text) in files.iter().chain([&meminfo]) {
            let path = root.path().join(path);
            fs::create_dir_all(path.parent().expect("a file in a directory")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        root
    }

    fn limit_of(files: &[(&str, &str)]) -> Option<u64> {
        limit(system(files).path())
    }

    const V2: &str = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const V1: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                      34 31 0:31 / /sys/fs/cgroup/cpu rw - cgroup cgroup rw,cpu\n\
                      35 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
                      41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";

    #[test]
    fn without_groups_it_is_the_machines() {
        assert_eq!(limit_of(&[]), Some(1024 * MIB));
        assert_eq!(limit(Path::new("/nowhere")), None);
    }

    #[test]
    fn the_tightest_group_of_version_2_counts() {
        let files = [
            ("proc/self/cgroup", "0::/system.slice/balsa.service\n"),
            ("proc/self/mountinfo", V2),
            ("sys/fs/cgroup/system.slice/memory.max", "268435456\n"),
            ("sys/fs/cgroup/system.slice/balsa.service/memory.max", "max\n"),
        ];
        assert_eq!(limit_of(&files), Some(256 * MIB));
    }

    #[test]
    fn a_container_sees_its_own_group_as_the_root() {
        let files = [
            ("proc/self/cgroup", "0::/\n"),
            ("proc/self/mountinfo", V2),
            ("sys/fs/cgroup/memory.max", "134217728\n"),
        ];
        assert_eq!(limit_of(&files), Some(128 * MIB));
    }

    #[test]
    fn version_1_is_found_by_its_controller() {
        let files = [
            (
                "proc/self/cgroup",
                "9:name=systemd:/\n4:cpu,memory:/a/b\n1:cpu:/\n0::/\n",
            ),
            ("proc/self/mountinfo", V1),
            (
                "sys/fs/cgroup/memory/memory.limit_in_bytes",
                "9223372036854771712\n",
            ),
            ("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "67108864\n"),
            ("sys/fs/cgroup/cpu/a/memory.limit_in_bytes", "1\n"),
        ];
        assert_eq!(limit_of(&files), Some(64 * MIB));
    }

    #[test]
    fn a_part_of_a_hierarchy_may_be_mounted() {
        let mounts = V1.replace(" / /sys/fs/cgroup/memory", " /docker/x /sys/fs/cgroup/memory");
        let files = [
            ("proc/self/cgroup", "4:memory:/docker/x/inner\n"),
            ("proc/self/mountinfo", &mounts),
            ("sys/fs/cgroup/memory/inner/memory.limit_in_bytes", "33554432\n"),
        ];
        assert_eq!(limit_of(&files), Some(32 * MIB));
    }
}
