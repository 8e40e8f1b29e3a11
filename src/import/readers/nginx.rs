//! nginx.conf: its directives as a tree, each with its place, included files in it.

use super::supervisord::Included;
use crate::import::account::{Account, Place};
use crate::import::problem::Problem;
use crate::spec::source::Source;

/// How deep blocks and includes may nest.
const MAX_DEPTH: usize = 32;
/// Directives of all files together.
const MAX_DIRECTIVES: usize = 20_000;

/// What an nginx.conf says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Nginx {
    /// The directives of the file; those of `http` when it is a part of such a file.
    pub directives: Vec<Directive>,
    /// The files that were read.
    pub files: Vec<String>,
}

/// A directive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directive {
    /// Its name.
    pub name: String,
    /// Its arguments without quotes.
    pub args: Vec<String>,
    /// As it was written, for lines that are handed on: without its block.
    pub text: String,
    /// Where it stands; with the block, if it has one.
    pub place: Place,
    /// What is in its block; none is no block.
    pub block: Option<Vec<Directive>>,
}

impl Directive {
    /// An argument; empty when there are fewer.
    #[must_use]
    pub fn arg(&self, index: usize) -> &str {
        self.args.get(index).map_or("", String::as_str)
    }

    /// The directives of its block.
    #[must_use]
    pub fn inner(&self) -> &[Directive] {
        self.block.as_deref().unwrap_or_default()
    }

    /// As lines of nginx's.
    #[must_use]
    pub fn lines(&self) -> String {
        match &self.block {
            None => format!("{};", self.text),
            Some(block) => {
                let inner: Vec<String> = block.iter().map(Directive::lines).collect();
                format!("{} {{ {} }}", self.text, inner.join(" "))
            }
        }
    }

    /// It, and all that is in it.
    pub fn each(&self, visit: &mut dyn FnMut(&Directive)) {
        visit(self);
        self.inner().iter().for_each(|directive| directive.each(visit));
    }
}

/// Reads files, and what they include of the project.
///
/// # Errors
/// What is no nginx.conf, with its place.
pub fn read(sources: &[&Source], included: &dyn Included, account: &mut Account) -> Result<Nginx, Vec<Problem>> {
    let mut reading = Reading { included, account, count: 0, files: Vec::new(), problems: Vec::new() };
    let mut directives = Vec::new();
    for source in sources {
        if !reading.files.contains(&source.name) {
            directives.extend(reading.file(source, 0));
        }
    }
    if reading.problems.is_empty() { Ok(Nginx { directives, files: reading.files }) } else { Err(reading.problems) }
}

struct Reading<'a> {
    included: &'a dyn Included,
    account: &'a mut Account,
    count: usize,
    files: Vec<String>,
    problems: Vec<Problem>,
}

impl Reading<'_> {
    fn file(&mut self, source: &Source, depth: usize) -> Vec<Directive> {
        self.files.push(source.name.clone());
        let file = self.account.file(&source.name);
        let tokens = match tokens(&source.text) {
            Ok(tokens) => tokens,
            Err((line, text)) => {
                self.problems.push(Problem::at(&source.name, line, text));
                return Vec::new();
            }
        };
        let mut tokens = tokens.into_iter().peekable();
        let (directives, _) = self.block(&source.name, file, &mut tokens, None, depth);
        directives
    }

    /// The directives up to the end of a block, or of the file; and the line of that end.
    fn block(
        &mut self,
        name: &str,
        file: usize,
        tokens: &mut std::iter::Peekable<std::vec::IntoIter<Token>>,
        opened: Option<usize>,
        depth: usize,
    ) -> (Vec<Directive>, usize) {
        let mut directives = Vec::new();
        let mut words: Vec<Token> = Vec::new();
        while let Some(token) = tokens.next() {
            let line = token.line;
            match token.kind {
                Kind::Word(_) => words.push(token),
                Kind::Close if words.is_empty() && opened.is_some() => return (directives, line),
                Kind::End | Kind::Open if !words.is_empty() => {
                    let is_block = token.kind == Kind::Open;
                    self.count += 1;
                    if depth > MAX_DEPTH || self.count > MAX_DIRECTIVES {
                        self.problems.push(Problem::at(name, line, "the file is too large or nested too deep from here on"));
                        return (directives, line);
                    }
                    let first = words.first().map_or(line, |word| word.line);
                    let mut directive = directive(std::mem::take(&mut words), Place::line(file, first).to(line));
                    directive.place = self.account.enter(directive.place, what(&directive));
                    if is_block {
                        let (block, end) = self.block(name, file, tokens, Some(first), depth + 1);
                        directive.block = Some(block);
                        directive.place.end = end.max(first);
                        directive.place = self.account.widen(directive.place);
                    }
                    match directive.name.as_str() {
                        "include" if !is_block => self.include(directive, depth, &mut directives),
                        _ => directives.push(directive),
                    }
                }
                Kind::End => {}
                Kind::Open => self.problems.push(Problem::at(name, line, "a block begins here that has no name")),
                Kind::Close => {
                    let text = if words.is_empty() { "no block is open here" } else { "the directive before this has no `;`" };
                    self.problems.push(Problem::at(name, line, text));
                    words.clear();
                    if opened.is_some() {
                        return (directives, line);
                    }
                }
            }
        }
        let last = words.first().map(|word| word.line);
        if let Some(line) = last.or(opened) {
            let text = if last.is_some() { "this directive has no `;`" } else { "this block is not closed" };
            self.problems.push(Problem::at(name, line, text));
        }
        (directives, opened.unwrap_or(1))
    }

    /// Puts what a file of the project says in the place of its `include`.
    fn include(&mut self, directive: Directive, depth: usize, directives: &mut Vec<Directive>) {
        let pattern = directive.arg(0);
        let pattern = if pattern.starts_with('/') { pattern.to_owned() } else { format!("/etc/nginx/{pattern}") };
        let mut found = self.included.matching(&pattern);
        found.sort();
        let sources: Vec<Source> = found.iter().filter_map(|path| self.included.text(path)).collect();
        let sources: Vec<Source> = sources.into_iter().filter(|source| !self.files.contains(&source.name)).collect();
        if sources.is_empty() || depth >= MAX_DEPTH {
            directives.push(directive);
            return;
        }
        self.account.implied(directive.place, "the included files are part of this one");
        for source in sources {
            let inner = self.file(&source, depth + 1);
            directives.extend(inner);
        }
    }
}

/// What a directive sets; of arguments only those that are no values.
fn what(directive: &Directive) -> String {
    let shown =
        ["location", "upstream", "listen", "server_name", "include", "proxy_set_header", "add_header", "map", "root", "alias"];
    if !shown.contains(&directive.name.as_str()) {
        return directive.name.clone();
    }
    let count = if directive.name == "location" { 2 } else { 1 };
    let words: Vec<&str> =
        std::iter::once(directive.name.as_str()).chain(directive.args.iter().take(count).map(String::as_str)).collect();
    words.join(" ")
}

fn directive(words: Vec<Token>, place: Place) -> Directive {
    let text: Vec<String> = words.iter().map(|word| word.raw.clone()).collect();
    let mut words = words.into_iter().filter_map(|token| match token.kind {
        Kind::Word(word) => Some(word),
        _ => None,
    });
    let name = words.next().unwrap_or_default();
    Directive { name, args: words.collect(), text: text.join(" "), place, block: None }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Kind {
    Word(String),
    End,
    Open,
    Close,
}

#[derive(Debug, Clone)]
struct Token {
    kind: Kind,
    /// As it was written.
    raw: String,
    line: usize,
}

/// Words, `;`, `{` and `}`; quotes and backslashes protect, `#` begins a comment.
fn tokens(text: &str) -> Result<Vec<Token>, (usize, String)> {
    let mut tokens = Vec::new();
    let mut chars = text.char_indices().peekable();
    let mut line = 1;
    while let Some((at, c)) = chars.next() {
        let sign = match c {
            '\n' => {
                line += 1;
                continue;
            }
            c if c.is_whitespace() => continue,
            '#' => {
                while chars.next_if(|(_, c)| *c != '\n').is_some() {}
                continue;
            }
            ';' => Some(Kind::End),
            '{' => Some(Kind::Open),
            '}' => Some(Kind::Close),
            _ => None,
        };
        if let Some(kind) = sign {
            tokens.push(Token { kind, raw: c.to_string(), line });
            continue;
        }
        let first = line;
        let mut word = String::new();
        let mut end = at + c.len_utf8();
        if c == '"' || c == '\'' {
            loop {
                let Some((next, inner)) = chars.next() else {
                    return Err((first, "a quote that begins here is not closed".to_owned()));
                };
                end = next + inner.len_utf8();
                match inner {
                    '\n' => {
                        line += 1;
                        word.push(inner);
                    }
                    '\\' => match chars.next() {
                        Some((_, escaped)) => {
                            line += usize::from(escaped == '\n');
                            if escaped != c && escaped != '\\' {
                                word.push('\\');
                            }
                            word.push(escaped);
                        }
                        None => return Err((first, "a quote that begins here is not closed".to_owned())),
                    },
                    inner if inner == c => break,
                    inner => word.push(inner),
                }
            }
        } else {
            let mut inner = c;
            loop {
                word.push(inner);
                // `${x}` is a variable, and no block.
                if inner == '$' && chars.peek().is_some_and(|(_, next)| *next == '{') {
                    while let Some((next, c)) = chars.next_if(|(_, c)| !c.is_whitespace() && *c != ';') {
                        word.push(c);
                        end = next + c.len_utf8();
                        if c == '}' {
                            break;
                        }
                    }
                }
                if inner == '\\'
                    && let Some((next, escaped)) = chars.next_if(|(_, c)| *c != '\n')
                {
                    word.push(escaped);
                    end = next + escaped.len_utf8();
                }
                match chars.next_if(|(_, c)| !c.is_whitespace() && !matches!(c, ';' | '{')) {
                    Some((next, c)) => {
                        end = next + c.len_utf8();
                        inner = c;
                    }
                    None => break,
                }
            }
        }
        let raw = text.get(at..end).unwrap_or(&word).to_owned();
        tokens.push(Token { kind: Kind::Word(word), raw, line: first });
    }
    Ok(tokens)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nothing;
    impl Included for Nothing {
        fn matching(&self, _: &str) -> Vec<String> {
            Vec::new()
        }
        fn text(&self, _: &str) -> Option<Source> {
            None
        }
    }

    fn read_text(text: &str) -> Result<Nginx, Vec<Problem>> {
        let source = Source { name: "nginx.conf".to_owned(), text: text.to_owned() };
        read(&[&source], &Nothing, &mut Account::default())
    }

    #[test]
    fn directives_keep_their_arguments_and_places() {
        let text = "# no\nhttp {\n  log_format x '$a \"$b\"'\n    ' more';\n  server { listen 80; location ~ \\.php$ { set $x ${y}z; } }\n}\n";
        let nginx = read_text(text).unwrap();
        let http = &nginx.directives[0];
        assert_eq!((http.place.line, http.place.end), (2, 6));
        assert_eq!(http.inner()[0].args, ["x", "$a \"$b\"", " more"]);
        let server = &http.inner()[1];
        assert_eq!(server.inner()[1].args, ["~", "\\.php$"]);
        assert_eq!(server.inner()[1].lines(), "location ~ \\.php$ { set $x ${y}z; }");
    }

    #[test]
    fn what_is_broken_is_said_with_its_line() {
        for (text, line) in [("a {\nb;\n", 1), ("a\n", 1), ("a;\n}\n", 2), ("a {\nb }\n", 2), ("a;\nx \"y\n", 2), ("{ }", 1)] {
            assert_eq!(read_text(text).unwrap_err()[0].line, Some(line), "{text}");
        }
        assert!(read_text("location ~ \"^/x{2,3}\" { return 200; }").is_ok());
    }
}
