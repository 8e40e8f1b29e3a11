//! What a pod's image is made of.

use indexmap::IndexMap;

/// What the image starts from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Base {
    /// An image reference; of a base that is built, the name it is given.
    pub image: String,
    /// The pod's own Dockerfile, whose image is the base.
    pub build: Option<BaseBuild>,
    /// Packages of its distribution; nginx is added when there is a gateway.
    pub packages: Vec<String>,
    /// Shell lines, as root, after the packages.
    pub run: Vec<String>,
}

/// An image built from the pod's own Dockerfile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseBuild {
    /// A folder below the pod's, relative to it.
    pub context: String,
    /// The Dockerfile, relative to the context.
    pub dockerfile: String,
    /// The stage that is the base; none is the last.
    pub target: Option<String>,
    /// Build arguments.
    pub args: IndexMap<String, String>,
}

/// A user that the image gets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct User {
    /// uid.
    pub uid: u32,
    /// gid of its group. One that no declared user has for its uid, and that is not 0, is a group of its name.
    pub gid: u32,
    /// Groups besides, by name; those that are missing are made.
    pub groups: Vec<String>,
    /// Its home; absolute.
    pub home: Option<String>,
    /// Its login shell; absolute.
    pub shell: Option<String>,
}

/// A build of files that the image gets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stage {
    /// Its name, when it is one of [`super::Pod::stages`].
    pub name: Option<String>,
    /// A folder below the pod's, relative to it: `.` or `services/auth`.
    pub context: String,
    /// The image it is built in; none is the pod's base.
    pub image: Option<String>,
    /// Nothing is built: what is kept comes from the image as it is.
    pub only_copies: bool,
    /// Packages in the stage only.
    pub packages: Vec<String>,
    /// Variables of its steps only.
    pub environment: IndexMap<String, String>,
    /// Secrets of the pod that its steps can read at /run/secrets/NAME.
    pub secrets: Vec<String>,
    /// Shell lines run with the manifest files alone; none is what the lock file asks for.
    pub install: Option<Vec<String>>,
    /// Shell lines run with the sources.
    pub run: Vec<String>,
    /// What is kept, from and to, absolute or relative to working_dir on both sides; none is everything.
    pub copy: Option<Vec<(String, String)>>,
}

/// A file or folder at a fixed place of the image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Where it comes from.
    pub source: FileSource,
    /// `user`, `uid`, `uid:gid` or `user:group`; none is root.
    pub user: Option<String>,
    /// Its mode; none is what the source has, 0755 of a folder that is made, 0644 of a file that is.
    pub mode: Option<u32>,
    /// `${VAR}` in it is filled in when the container starts.
    pub template: bool,
}

/// Where a file comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileSource {
    /// A file or folder below the pod's.
    Path(String),
    /// This text.
    Content(String),
    /// An absolute path in another image.
    Image {
        /// The image.
        image: String,
        /// The path.
        path: String,
    },
    /// Nothing: an empty folder.
    Folder,
}
