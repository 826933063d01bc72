//! Ends the children of a process: COLMAP's lead process groups of their own, so that no signal to ours reaches them.

/// Kills the children of a process with their groups, as far as the system tells which they are.
#[cfg(unix)]
pub(crate) fn kill_children_of(pid: u32) {
    for child in children_of(pid) {
        let Some(group) = i32::try_from(child).ok().and_then(rustix::process::Pid::from_raw) else { continue };
        // a child that leads no group, or has ended, has none
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
        let _ = rustix::process::kill_process(group, rustix::process::Signal::KILL);
    }
}

/// Kills the children of a process with their groups, as far as the system tells which they are.
#[cfg(not(unix))]
pub(crate) fn kill_children_of(_: u32) {}

/// proc(5), `/proc/pid/task/tid/children`; none where there is no such file.
#[cfg(unix)]
fn children_of(pid: u32) -> Vec<u32> {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    let of_thread =
        |thread: std::fs::DirEntry| std::fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    let ids = threads.map(of_thread).collect::<Vec<_>>().join(" ");
    ids.split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::os::unix::process::{CommandExt, ExitStatusExt};
    use std::process::Command;

    use super::*;

    #[test]
    fn a_child_in_a_group_of_its_own_is_killed() {
        let mut child = Command::new("sleep").arg("1000").process_group(0).spawn().unwrap();
        kill_children_of(std::process::id());
        assert_eq!(child.wait().unwrap().signal(), Some(9));
    }
}
