//! Which methods there are: their names, what they take and give, and what they are for.

/// A method.
#[derive(Debug)]
pub struct Method {
    /// `supervisor.startProcess`
    pub name: &'static str,
    /// What it gives, and then what it takes.
    pub signature: &'static [&'static str],
    /// How many of its parameters may be left out.
    pub optional: usize,
    /// What it is for.
    pub help: &'static str,
    /// It changes nothing.
    pub reads: bool,
}

const fn reads(name: &'static str, signature: &'static [&'static str], help: &'static str) -> Method {
    Method { name, signature, optional: 0, help, reads: true }
}

const fn acts(name: &'static str, signature: &'static [&'static str], optional: usize, help: &'static str) -> Method {
    Method { name, signature, optional, help, reads: false }
}

/// The method of that name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Method> {
    METHODS.binary_search_by(|method| method.name.cmp(name)).ok().map(|at| &METHODS[at])
}

const READ_LOG: &[&str] = &["string", "string", "int", "int"];
const TAIL_LOG: &[&str] = &["array", "string", "int", "int"];
const READ_LOG_HELP: &str = "A part of a log: from offset on, length bytes; 0 is to its end. With a negative offset and \
    length 0, the last bytes. One answer has at most 1 MB.";
const TAIL_LOG_HELP: &str = "The last length bytes of a log, its size, and whether more than length came after offset. With \
    the size as the next offset a client follows the log.";

/// All methods, sorted by name.
pub const METHODS: &[Method] = &[
    acts("supervisor.addProcessGroup", &["boolean", "string"], 0, "Takes a group of the configuration in."),
    acts("supervisor.clearAllProcessLogs", &["array"], 0, "Empties the logs of all processes; a status for each."),
    acts("supervisor.clearLog", &["boolean"], 0, "Forgets what podinit itself has said."),
    acts("supervisor.clearProcessLog", &["boolean", "string"], 0, "Empties the logs of a process."),
    acts("supervisor.clearProcessLogs", &["boolean", "string"], 0, "Empties the logs of a process."),
    reads("supervisor.getAPIVersion", &["string"], "The version of this interface."),
    reads("supervisor.getAllConfigInfo", &["array"], "What the configuration says of each process."),
    reads("supervisor.getAllProcessInfo", &["array"], "All about each process."),
    reads("supervisor.getIdentification", &["string"], "How the pod calls itself."),
    reads("supervisor.getPID", &["int"], "The process id of podinit."),
    reads("supervisor.getProcessInfo", &["struct", "string"], "All about a process."),
    reads("supervisor.getState", &["struct"], "Whether podinit runs or stops, as number and name."),
    reads("supervisor.getSupervisorVersion", &["string"], "The version of supervisord that this interface is that of."),
    reads("supervisor.getVersion", &["string"], "The version of this interface."),
    reads("supervisor.readLog", &["string", "int", "int"], READ_LOG_HELP),
    reads("supervisor.readMainLog", &["string", "int", "int"], READ_LOG_HELP),
    reads("supervisor.readProcessLog", READ_LOG, READ_LOG_HELP),
    reads("supervisor.readProcessStderrLog", READ_LOG, READ_LOG_HELP),
    reads("supervisor.readProcessStdoutLog", READ_LOG, READ_LOG_HELP),
    acts("supervisor.reloadConfig", &["array"], 0, "Reads the configuration; which groups are new, different, or gone."),
    acts("supervisor.removeProcessGroup", &["boolean", "string"], 0, "Lets a group go that is stopped."),
    acts("supervisor.restart", &["boolean"], 0, "Stops everything, reads the configuration and starts anew."),
    acts("supervisor.sendProcessStdin", &["boolean", "string", "string"], 0, "Writes a text to the stdin of a process."),
    acts("supervisor.sendRemoteCommEvent", &["boolean", "string", "string"], 0, "Tells event listeners something."),
    acts("supervisor.shutdown", &["boolean"], 0, "Stops everything, and ends."),
    acts("supervisor.signalAllProcesses", &["array", "string"], 0, "Sends all processes a signal; a status for each."),
    acts("supervisor.signalProcess", &["boolean", "string", "string"], 0, "Sends a process a signal."),
    acts("supervisor.signalProcessGroup", &["array", "string", "string"], 0, "Sends a group a signal; a status for each."),
    acts("supervisor.startAllProcesses", &["array", "boolean"], 1, "Starts all that do not run; a status for each."),
    acts("supervisor.startProcess", &["boolean", "string", "boolean"], 1, "Starts a process; true when it is up."),
    acts("supervisor.startProcessGroup", &["array", "string", "boolean"], 1, "Starts a group; a status for each."),
    acts("supervisor.stopAllProcesses", &["array", "boolean"], 1, "Stops all that run; a status for each."),
    acts("supervisor.stopProcess", &["boolean", "string", "boolean"], 1, "Stops a process; true when it is down."),
    acts("supervisor.stopProcessGroup", &["array", "string", "boolean"], 1, "Stops a group; a status for each."),
    reads("supervisor.tailProcessLog", TAIL_LOG, TAIL_LOG_HELP),
    reads("supervisor.tailProcessStderrLog", TAIL_LOG, TAIL_LOG_HELP),
    reads("supervisor.tailProcessStdoutLog", TAIL_LOG, TAIL_LOG_HELP),
    reads("system.listMethods", &["array"], "The names of all methods."),
    reads("system.methodHelp", &["string", "string"], "What a method is for."),
    reads("system.methodSignature", &["array", "string"], "What a method gives, and then what it takes."),
    reads("system.multicall", &["array", "array"], "Calls methods one after the other: {methodName, params} each."),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_are_sorted_so_that_each_is_found() {
        assert_eq!(METHODS.len(), 41);
        assert!(METHODS.windows(2).all(|pair| pair[0].name < pair[1].name));
        assert!(find("supervisor.getPID").is_some() && find("supervisor.getpid").is_none());
    }
}
