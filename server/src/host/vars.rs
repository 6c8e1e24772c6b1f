//! What the host adds to `/debug/vars`: the command line and what the system says of the process.

use api::Vars;

use super::descriptors;
use super::metrics::memory;

/// Adds it to a page.
pub(super) fn write(body: &mut Vec<u8>) {
    let vars = &mut Vars(body);
    let args: Vec<String> = std::env::args_os()
        .map(|arg| arg.to_string_lossy().into_owned())
        .collect();
    vars.texts("cmdline", &args);
    // Where the system does not say, there is nothing to tell.
    vars.number(
        "file_descriptor_limit",
        descriptors::limit().unwrap_or_default() as u64,
    );
    let (virtual_bytes, resident_bytes) = memory().unwrap_or_default();
    let numbers = [("Alloc", resident_bytes), ("Sys", virtual_bytes)];
    vars.numbers("memstats", &numbers);
}
