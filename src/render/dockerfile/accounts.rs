//! The users that an image gets: one `RUN` each. One that the base has under this name gets the numbers that pod.yaml
//! says, as files are given to users by number.

use super::{Family, syntax};
use crate::spec::model::User;

/// The arguments of `RUN` for a user.
pub fn command(name: &str, user: &User, family: Family) -> String {
    let User { uid, gid, groups, home, shell } = user;
    let option = |option: &str, value: &Option<String>| {
        value.as_ref().map(|value| format!(" {option} {}", syntax::shell_word(value))).unwrap_or_default()
    };
    match family {
        Family::Debian => {
            let own = option("--shell", shell);
            let new = if shell.is_none() { " --shell /usr/sbin/nologin" } else { own.as_str() };
            let settings = format!("--non-unique --uid {uid} --gid {gid}{}", option("--home", home));
            let mut lines = vec![
                format!(
                    "{{ getent group {gid} || groupadd --gid {gid} {name} || groupmod --gid {gid} {name}; }} >/dev/null 2>&1"
                ),
                format!(
                    "if id {name} >/dev/null 2>&1; then usermod {settings}{own} {name}; \\\n    \
                     else useradd --no-log-init {settings}{new} --create-home --skel /dev/null {name}; fi"
                ),
            ];
            for group in groups {
                lines.push(format!("{{ getent group {group} >/dev/null || groupadd --system {group}; }}"));
                lines.push(format!("usermod --append --groups {group} {name}"));
            }
            lines.join(" \\\n    && ")
        }
        Family::Alpine => {
            let shell = syntax::shell_word(shell.as_deref().unwrap_or("/sbin/nologin"));
            let mut lines = vec![format!(
                "test \"$(id -u {name} 2>/dev/null):$(id -g {name} 2>/dev/null)\" = {uid}:{gid} \\\n    \
                 || {{ deluser {name} 2>/dev/null; delgroup {name} 2>/dev/null; \\\n    \
                 grep -q '^[^:]*:[^:]*:{gid}:' /etc/group || addgroup -g {gid} {name}; \\\n    \
                 adduser -D -u {uid} -G \"$(awk -F: '$3 == {gid} {{ print $1; exit }}' /etc/group)\"{} -s {shell} {name}; }}",
                option("-h", home)
            )];
            for group in groups {
                lines.push(format!("{{ grep -q '^{group}:' /etc/group || addgroup -S {group}; }}"));
                lines.push(format!("addgroup {name} {group}"));
            }
            lines.join(" \\\n    && ")
        }
    }
}
