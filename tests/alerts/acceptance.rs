//! `podctl test acceptance` kills services, and that is nobody's alert.

use crate::receiver::{Receiver, answer};
use crate::{HOST, PATIENCE, listen, within};

pub fn run() {
    let receiver = Receiver::start(listen(), false, vec![answer("200 OK", "")]);
    let pod = crate::pod("acceptance", "", &format!("\n    hook: {{ webhook: \"http://{HOST}:{}/\" }}", receiver.port));
    pod.must(["test", "acceptance", &pod.name, "--only", "restart-on-crash"]);
    within(&pod, "touch /tmp/crash");
    let request = receiver.arriving.recv_timeout(PATIENCE).expect("the pod itself tells");
    assert_eq!(request.json()["pod"], pod.name.as_str());
    assert!(
        request.body.contains("exit code 7") && receiver.requests().is_empty(),
        "the first is what happened here: {request:?}"
    );
}
