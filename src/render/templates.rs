//! The templates, and how they are filled in: strictly. A value that is missing or has no text of its own is an error
//! here rather than a surprise in a rendered file.

use anyhow::{Context, Result};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use serde::Serialize;

const TEMPLATES: [(&str, &str); 2] =
    [("Dockerfile", include_str!("../../templates/Dockerfile")), ("nginx.conf", include_str!("../../templates/nginx.conf"))];

/// Fills the template `name` in.
pub fn fill(name: &str, context: impl Serialize) -> Result<String> {
    environment()
        .and_then(|environment| environment.get_template(name)?.render(Serde(context)))
        .with_context(|| format!("cannot render {name}: its template does not fit; this is a defect of podctl, please report it"))
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_formatter(print_text_and_numbers);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    Ok(environment)
}

/// minijinja would print `True`, `None` and lists, none of which means anything in a Dockerfile or to nginx.
fn print_text_and_numbers(out: &mut Output, _: &mut State, value: &Value) -> Result<(), Error> {
    match value.kind() {
        ValueKind::String | ValueKind::Number => write!(out, "{value}").map_err(Error::from),
        kind => Err(Error::new(ErrorKind::BadSerialization, format!("a {kind} has no text"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_text_is_refused() {
        let mut environment = environment().expect("the templates parse");
        for source in ["{{ flag }}", "{{ list }}", "{{ missing }}", "{{ nothing }}"] {
            environment.add_template("probe", source).expect("parses");
            let context = serde_json::json!({"flag": true, "list": ["a"], "nothing": null});
            assert!(environment.get_template("probe").expect("is there").render(Serde(context)).is_err(), "{source}");
        }
    }
}
