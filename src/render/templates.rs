//! The templates, and how they are filled in: strictly. A value that is missing or has no text of its own is an error
//! here rather than a surprise in a rendered file.

use anyhow::{Context, Result, anyhow};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Serde, Value, ValueKind};
use minijinja::{Environment, Error, ErrorKind, Output, State, UndefinedBehavior};
use serde::Serialize;

const TEMPLATES: [(&str, &str); 3] = [
    ("Dockerfile", include_str!("../../templates/Dockerfile")),
    ("nginx.conf", include_str!("../../templates/nginx.conf")),
    ("tls.conf", include_str!("../../templates/tls.conf")),
];

/// What a rendered file begins with.
const HEADER: &str = "# Rendered by podctl";

/// Fills the template `name` in, or one of the user's in its place, which can include the built-in one.
pub fn fill(name: &str, instead: Option<&str>, context: impl Serialize) -> Result<String> {
    let own = || format!("cannot render {name}: its template does not fit; this is a defect of podctl, please report it");
    let mut environment = environment().with_context(own)?;
    let Some(instead) = instead else {
        return environment.get_template(name).and_then(|template| template.render(Serde(context))).with_context(own);
    };
    // minijinja says the line, in the first of its lines.
    let problem = |error: Error| {
        let text = error.to_string();
        anyhow!("cannot render {name}: the template of your own does not fit: {text}; correct it, or remove it")
    };
    environment.add_template_owned(name.to_owned(), instead.to_owned()).map_err(problem)?;
    let text = environment.get_template(name).and_then(|template| template.render(Serde(context))).map_err(problem)?;
    // By this `podctl render` knows which files it may write anew.
    Ok(if text.starts_with(HEADER) {
        text
    } else {
        format!("{HEADER} from pod.yaml and {name} of its templates: change it there.\n{text}")
    })
}

fn environment() -> Result<Environment<'static>, Error> {
    let mut environment = Environment::new();
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).keep_trailing_newline(true).build()?);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_formatter(print_text_and_numbers);
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
        environment.add_template_owned(format!("builtin/{name}"), source)?;
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
