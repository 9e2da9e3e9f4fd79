//! From bytes to `sqlparser`'s tree, and on to ours.

use sqlparser::ast;
use sqlparser::dialect::MySqlDialect;
use sqlparser::parser::Parser;

use super::convert::Converter;
use super::{Piece, Refusal, Statement, scan};

/// How deep `sqlparser` may descend; brackets are bounded before it. An unoptimised build takes some 60 KiB of stack a step.
const RECURSION: usize = 24;

/// What statements begin with. Others never reach the parser.
const BEGINNINGS: [&str; 11] =
    ["SELECT", "INSERT", "REPLACE", "UPDATE", "DELETE", "SHOW", "USE", "BEGIN", "START", "COMMIT", "ROLLBACK"];

/// Words of statements that read or write files. Columns and tables have no such names.
const FILES: [&str; 4] = ["OUTFILE", "DUMPFILE", "INFILE", "LOAD_FILE"];

/// Reads one statement.
///
/// # Errors
/// See [`Refusal`].
pub fn parse(statement: &[u8]) -> Result<Statement, Refusal> {
    let (mut first, mut parameters, mut files) = (None, 0_usize, false);
    scan(statement, |piece| {
        if piece != Piece::Sign(b';') {
            first.get_or_insert(piece);
        }
        parameters = parameters.saturating_add(usize::from(piece == Piece::Sign(b'?')));
        files |=
            matches!(piece, Piece::Word(word) if FILES.iter().any(|file| file.as_bytes().eq_ignore_ascii_case(word)));
    })?;
    if files {
        return Err(Refusal::File);
    }
    let served = |word: &[u8]| BEGINNINGS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(word));
    match first {
        None => return Err(Refusal::Empty),
        Some(Piece::Word(word)) if word.eq_ignore_ascii_case(b"SET") => {
            return super::set::set(statement).map(Statement::Session);
        }
        Some(Piece::Word(word)) if served(word) => {}
        Some(Piece::Word(_) | Piece::Number(_) | Piece::Text(_) | Piece::Quoted(_) | Piece::Sign(_)) => {
            return Err(Refusal::Kind);
        }
    }
    let text: String = statement.iter().copied().map(char::from).collect();
    let dialect = MySqlDialect {};
    let mut parser =
        Parser::new(&dialect).with_recursion_limit(RECURSION).try_with_sql(&text).map_err(|_| Refusal::Syntax)?;
    let mut statements = parser.parse_statements().map_err(|_| Refusal::Syntax)?;
    let (Some(only), None) = (statements.pop(), statements.pop()) else { return Err(Refusal::Several) };
    let mut converter = Converter::default();
    let statement = statement_of(&mut converter, only)?;
    // Parameters are numbered in the order they are come across, which has to be that of the text.
    if converter.parameters == parameters { Ok(statement) } else { Err(Refusal::Expression) }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "a hundred kinds of statements are refused")]
fn statement_of(converter: &mut Converter, statement: ast::Statement) -> Result<Statement, Refusal> {
    match statement {
        ast::Statement::Query(query) => converter.select(*query).map(Statement::Select),
        ast::Statement::Insert(insert) => converter.insert(insert).map(Statement::Insert),
        ast::Statement::Update(update) => converter.update(update).map(Statement::Update),
        ast::Statement::Delete(delete) => converter.delete(delete).map(Statement::Delete),
        other => converter.session(other).map(Statement::Session),
    }
}
