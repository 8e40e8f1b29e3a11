//! The figures as JSON, for whoever reads the file that the plan asks for. Pure.

use podinit_plan::protocol::{PodMemory, Usage};
use std::fmt::Write;

/// The file. A share is of the limit, in percent; the container's is of the host's memory where it has no limit.
pub fn json<'a>(time: &str, container: &PodMemory, services: impl Iterator<Item = (&'a str, Usage)>) -> Vec<u8> {
    let PodMemory { bytes, peak_bytes, limit_bytes, of_bytes, oom_kills, pressure } = *container;
    let mut text = format!(
        "{{\"time\":\"{time}\",\"container\":{{\"bytes\":{bytes},\"peak_bytes\":{peak_bytes},\"limit_bytes\":{},\"percent\":{},\
         \"oom_kills\":{oom_kills},\"pressure\":{}}},\"services\":{{",
        or_null(limit_bytes),
        percent(bytes, Some(of_bytes)),
        pressure.map_or("null".to_owned(), |pressure| format!("{pressure:.2}")),
    );
    for (index, (name, usage)) in services.enumerate() {
        let comma = if index > 0 { "," } else { "" };
        let Usage { memory_bytes, peak_memory_bytes, limit_bytes, cpu_ms, processes, threads, .. } = usage;
        // A string takes everything that is written to it.
        let _ = write!(
            text,
            "{comma}\n{}:{{\"bytes\":{memory_bytes},\"peak_bytes\":{peak_memory_bytes},\"limit_bytes\":{},\"percent\":{},\
             \"cpu_ms\":{cpu_ms},\"processes\":{processes},\"threads\":{threads}}}",
            serde_json::Value::from(name),
            or_null(limit_bytes),
            percent(memory_bytes, limit_bytes),
        );
    }
    text.push_str("}}\n");
    text.into_bytes()
}

fn or_null(number: Option<u64>) -> String {
    number.map_or("null".to_owned(), |number| number.to_string())
}

/// To a tenth.
fn percent(bytes: u64, of: Option<u64>) -> String {
    of.filter(|of| *of > 0).map_or("null".to_owned(), |of| format!("{:.1}", bytes as f64 * 100.0 / of as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_of_json_understands_it() {
        let container = PodMemory { bytes: 50, peak_bytes: 60, of_bytes: 200, pressure: Some(1.5), ..PodMemory::default() };
        let usage = Usage { memory_bytes: 30, limit_bytes: Some(90), processes: 2, ..Usage::default() };
        let services = [("a\"b", usage), ("c", Usage::default())];
        let read: serde_json::Value = serde_json::from_slice(&json("now", &container, services.into_iter())).unwrap();
        assert_eq!(read["container"]["percent"], 25.0);
        assert_eq!(read["container"]["limit_bytes"], serde_json::Value::Null);
        assert_eq!(read["container"]["pressure"], 1.5);
        assert_eq!(read["services"]["a\"b"]["percent"], 33.3);
        assert_eq!(read["services"]["a\"b"]["processes"], 2);
        assert_eq!(read["services"]["c"]["percent"], serde_json::Value::Null);
        assert_eq!(read["time"], "now");
    }
}
