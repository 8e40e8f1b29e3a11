//! What is said about a text that is no YAML.

use super::diagnostics::Diagnostic;
use super::source::Span;
use serde_yaml::granit_parser::ErrorKind;

/// The diagnostic for a parser's error.
pub fn diagnostic(span: Span, kind: &ErrorKind) -> Diagnostic {
    let (message, help) = words(kind);
    Diagnostic::error(span, format!("not YAML: {message}")).label("noticed here").help(help)
}

fn words(kind: &ErrorKind) -> (String, &'static str) {
    use ErrorKind as E;
    let (message, help) = match kind {
        E::MismatchedFlowCollectionEnd { open, close } => {
            return (format!("`{open}` is closed by `{close}`"), "close every bracket with its like");
        }
        E::UnclosedFlowCollection { open } => {
            return (format!("`{open}` is not closed"), "add the closing bracket, or put the text in quotes");
        }
        E::UnexpectedCharacter { character } => {
            return (format!("`{character}` cannot stand here"), "put the text in quotes");
        }
        E::UnexpectedEofFlowSequence | E::ExpectedFlowSequenceSeparator => {
            ("`,` or `]` is missing in a list", "close the list, or put the text in quotes")
        }
        E::UnexpectedEofFlowMapping | E::UnexpectedEofImplicitFlowMapping | E::ExpectedFlowMappingSeparator => {
            ("`,` or `}` is missing in a map", "close the map, or put the text in quotes")
        }
        E::MisplacedFlowCollectionEnd => ("a bracket is closed that was not opened", "remove it, or put the text in quotes"),
        E::UnclosedQuotedScalar | E::InvalidQuotedScalarIndent | E::DocumentIndicatorInQuotedScalar => {
            ("a quote is not closed", "close the quote in the line in which it begins")
        }
        E::InvalidTrailingSingleQuotedScalar | E::InvalidTrailingDoubleQuotedScalar => {
            ("text follows a closing quote", "put the whole value in one pair of quotes")
        }
        E::UnknownQuotedScalarEscape
        | E::InvalidQuotedScalarHexEscape
        | E::InvalidLowSurrogateHexEscape
        | E::InvalidLowSurrogate
        | E::MissingLowSurrogate
        | E::UnpairedLowSurrogate
        | E::InvalidUnicodeEscape => {
            ("a backslash in double quotes is followed by an escape that does not exist", "use single quotes, or write `\\\\`")
        }
        E::TabNotAllowed
        | E::TabInBlockIndentation
        | E::TabInIndentation
        | E::TabAtBlockScalarStart
        | E::TabInPlainScalar
        | E::InvalidBlockEntryWhitespace
        | E::InvalidMappingValueWhitespace => ("a tab stands where spaces belong", "indent with spaces"),
        E::SimpleKeyExpected | E::InvalidSimpleKey | E::ExpectedBlockMappingKey => {
            ("a `key:` is expected", "check the colon after the key and the indentation of this line and those above")
        }
        E::MappingValueNotAllowed
        | E::MappingKeyNotAllowed
        | E::InvalidColonPlacement
        | E::FlowMappingValueAdjacentCollection => {
            ("a second `key:` begins within a value", "put a text that holds `: ` in quotes, and check the indentation")
        }
        E::ExpectedBlockSequenceEntry | E::BlockSequenceEntryNotAllowed | E::BlockEntryInFlowCollection => {
            ("a list item cannot stand here", "begin the list in a line of its own below its key, every item with `- `")
        }
        E::InvalidIndentation | E::InvalidBlockScalarIndent | E::InvalidFlowScalarIndent => {
            ("the indentation fits nothing above", "indent this line like those it belongs to")
        }
        E::ExpectedNodeContent | E::UnexpectedEndOfPlainScalar | E::PlainScalarStartsWithDashFlowIndicator => {
            ("a value is expected", "put the text in quotes when it begins with a special character")
        }
        E::CommentInterceptedScalar | E::CommentNotSeparated => {
            ("a comment cannot stand here", "put a space before `#`, or the text in quotes")
        }
        E::InvalidBlockScalarHeader | E::ZeroBlockScalarIndent => {
            ("text follows `|` or `>`", "begin the text in the next line, indented")
        }
        E::RecursionLimitExceeded => ("values nest too deep", "a pod needs a handful of levels"),
        _ => ("this cannot be read", "check quotes, brackets and the indentation of this line and the one above"),
    };
    (message.to_owned(), help)
}
