//! supervisord's faults: what cannot be done, as its clients know it.

use crate::xmlrpc::Fault;

/// A kind of fault; its number and its name are part of the interface.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// There is no such method.
    UnknownMethod = 1,
    /// Too few parameters, too many, or such as are no text where one is needed.
    IncorrectParameters = 2,
    /// A place in a log that cannot be.
    BadArguments = 3,
    /// There is no such method to tell of.
    SignatureUnsupported = 4,
    /// The pod stops, or starts anew.
    ShutdownState = 6,
    /// There is no such process or group.
    BadName = 10,
    /// There is no such signal.
    BadSignal = 11,
    /// There is no such log, or no such program.
    NoFile = 20,
    /// The program cannot be executed.
    NotExecutable = 21,
    /// Anything else.
    Failed = 30,
    /// It was started, and something else became of it.
    AbnormalTermination = 40,
    /// It ended before it was up.
    SpawnError = 50,
    /// It runs already.
    AlreadyStarted = 60,
    /// It does not run.
    NotRunning = 70,
    /// No fault at all; only as a status.
    Success = 80,
    /// The group is there already.
    AlreadyAdded = 90,
    /// Something of the group runs.
    StillRunning = 91,
    /// The configuration cannot be read.
    CantReread = 92,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::UnknownMethod => "UNKNOWN_METHOD",
            Kind::IncorrectParameters => "INCORRECT_PARAMETERS",
            Kind::BadArguments => "BAD_ARGUMENTS",
            Kind::SignatureUnsupported => "SIGNATURE_UNSUPPORTED",
            Kind::ShutdownState => "SHUTDOWN_STATE",
            Kind::BadName => "BAD_NAME",
            Kind::BadSignal => "BAD_SIGNAL",
            Kind::NoFile => "NO_FILE",
            Kind::NotExecutable => "NOT_EXECUTABLE",
            Kind::Failed => "FAILED",
            Kind::AbnormalTermination => "ABNORMAL_TERMINATION",
            Kind::SpawnError => "SPAWN_ERROR",
            Kind::AlreadyStarted => "ALREADY_STARTED",
            Kind::NotRunning => "NOT_RUNNING",
            Kind::Success => "SUCCESS",
            Kind::AlreadyAdded => "ALREADY_ADDED",
            Kind::StillRunning => "STILL_RUNNING",
            Kind::CantReread => "CANT_REREAD",
        }
    }

    /// The fault, without particulars.
    #[must_use]
    pub fn bare(self) -> Fault {
        Fault { code: self as i32, text: self.name().to_owned() }
    }

    /// The fault with what it is about: `BAD_NAME: web`.
    #[must_use]
    pub fn of(self, what: &str) -> Fault {
        Fault { code: self as i32, text: format!("{}: {what}", self.name()) }
    }
}
