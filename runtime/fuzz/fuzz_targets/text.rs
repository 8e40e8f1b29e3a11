//! The small languages within a plan: templates, the words of a command, durations, sizes, cron lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use podinit_plan::schedule;
use podinit_plan::template::{Template, escape};
use podinit_plan::{units, words};
use std::borrow::Cow;

fuzz_target!(|text: &str| {
    let none = |_: &str| -> Option<Cow<'_, str>> { None };
    let escaped = Template::parse(&escape(text)).expect("an escaped text is a template");
    assert_eq!(escaped.expand(&none).as_deref(), Ok(text), "escaping changes what it stands for");
    if let Ok(template) = Template::parse(text) {
        let _ = template.names();
        let _ = template.expand(&none);
        let _ = template.expand(&|name| Some(Cow::Owned(name.to_owned())));
    }
    if let Ok(split) = words::split(text) {
        assert!(split.iter().map(String::len).sum::<usize>() <= text.len(), "splitting adds nothing");
    }
    if let Ok(ms) = units::parse_duration_ms(text) {
        // For people: it is rounded, but it is a duration.
        assert!(units::parse_duration_ms(&units::format_duration_ms(ms)).is_ok());
    }
    if let Ok(bytes) = units::parse_size_bytes(text) {
        let _ = units::format_size(bytes);
    }
    if let Ok(cron) = schedule::Cron::parse(text) {
        if let Some(next) = cron.next_after(1_700_000_000) {
            assert!(next > 1_700_000_000 && next % 60 == 0);
            assert!(cron.next_after(next - 1) == Some(next), "it is due at the time it says");
        }
    }
    let _ = schedule::parse(text);
});
