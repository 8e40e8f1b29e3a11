//! The labels by which podctl knows its own containers and networks.

/// On a container, a network and an image: the pod they belong to. A container has it from its image, too, so it does not
/// tell who made it.
pub const POD: &str = "io.podctl.pod";
/// On the containers of pods, nowhere else: what it was made from, without any value of a variable; see [`crate::project::plan::Config`].
pub const CONFIG: &str = "io.podctl.config";
/// On a container beside a pod: that pod.
pub const BACKING: &str = "io.podctl.backing";
/// On a container beside a pod: what it was made from, without any value of a variable.
pub const BACKING_CONFIG: &str = "io.podctl.backing.config";
/// On a container: the folder of the pod's pod.yaml.
pub const FOLDER: &str = "io.podctl.folder";
