//! Writing a statement anew: as a template with gaps where its values are, and as text.

use bytes::Bytes;

use super::{
    Calculation, Comparison, Delete, Expr, Given, Insert, Item, Limit, Literal, Name, Order, Select, Session,
    Statement, Table, Update,
};
use crate::Writer;

/// A statement written anew, with gaps where values are. Names are in backticks, expressions in brackets.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
    literals: usize,
    ordered: bool,
}

/// A piece of a template.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Part {
    /// Text that is the same for every value.
    Sql(Bytes),
    /// A literal, counted from 0.
    Literal(usize),
    /// A parameter of a prepared statement, counted from 0.
    Parameter(usize),
    /// A value that is put in.
    Given(Given),
}

impl Statement {
    /// The statement's template, and the literals that belong into its gaps. Statements about the session are not passed on
    /// and give an empty one.
    #[must_use]
    pub fn template(&self) -> (Template, Vec<Literal>) {
        let mut out = Out { template: Template { ordered: true, ..Template::default() }, ..Out::default() };
        match self {
            Self::Select(select) => out.select(select),
            Self::Insert(insert) => out.insert(insert),
            Self::Update(update) => out.update(update),
            Self::Delete(delete) => out.delete(delete),
            Self::Session(
                Session::Set { .. }
                | Session::Show(_)
                | Session::Begin
                | Session::Commit
                | Session::Rollback
                | Session::Use(_),
            ) => {}
        }
        out.end_text();
        out.template.literals = out.literals.len();
        (out.template, out.literals)
    }

    /// The statement as text: literals in one form each, parameters as `?` in their order, values that would be put in as
    /// NULL.
    #[must_use]
    pub fn render(&self) -> Bytes {
        let (template, literals) = self.template();
        template.text(&literals, |_| &Literal::Null)
    }
}

impl Expr {
    /// The expression as text, as [`Statement::render`] writes it.
    #[must_use]
    pub fn render(&self) -> Bytes {
        let mut out = Out::default();
        out.expr(self);
        out.end_text();
        out.template.text(&out.literals, |_| &Literal::Null)
    }
}

impl Template {
    /// Its parts, in order.
    #[must_use]
    pub fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// How many literals it has gaps for.
    #[must_use]
    pub fn literals(&self) -> usize {
        self.literals
    }

    /// Whether its literals are in the order in which they stand in the statement it is of.
    #[must_use]
    pub fn ordered(&self) -> bool {
        self.ordered
    }

    /// The statement with these literals, and what is given, as text. Literals that are missing are NULL.
    #[must_use]
    pub fn text<'a>(&self, literals: &'a [Literal], given: impl Fn(Given) -> &'a Literal) -> Bytes {
        let mut out = Writer::default();
        for part in &self.parts {
            match part {
                Part::Sql(text) => drop(out.bytes(text)),
                Part::Literal(index) => put(&mut out, literals.get(*index).unwrap_or(&Literal::Null)),
                Part::Parameter(_) => drop(out.u8(b'?')),
                Part::Given(what) => put(&mut out, given(*what)),
            }
        }
        out.finish()
    }

    /// The statement with a `?` for every value, to be prepared. Which value belongs to which is the order of
    /// [`parts`](Self::parts).
    #[must_use]
    pub fn prepared(&self) -> Bytes {
        let mut out = Writer::default();
        for part in &self.parts {
            match part {
                Part::Sql(text) => drop(out.bytes(text)),
                Part::Literal(_) | Part::Parameter(_) | Part::Given(_) => drop(out.u8(b'?')),
            }
        }
        out.finish()
    }
}

/// A literal as text. Backslash escapes are what MariaDB reads unless NO_BACKSLASH_ESCAPES is set, which the connection that
/// the text is sent on has to make sure of.
fn put(out: &mut Writer, literal: &Literal) {
    match literal {
        Literal::Null => drop(out.bytes(b"NULL")),
        Literal::Int(number) => drop(out.bytes(number.to_string().as_bytes())),
        Literal::Unsigned(number) => drop(out.bytes(number.to_string().as_bytes())),
        Literal::Decimal(digits) => drop(out.bytes(digits.as_bytes())),
        Literal::Text(bytes) => {
            out.u8(b'\'');
            for byte in bytes {
                match byte {
                    0 => drop(out.bytes(b"\\0")),
                    b'\n' => drop(out.bytes(b"\\n")),
                    b'\r' => drop(out.bytes(b"\\r")),
                    0x1A => drop(out.bytes(b"\\Z")),
                    b'\'' | b'"' | b'\\' => drop(out.u8(b'\\').u8(*byte)),
                    other => drop(out.u8(*other)),
                }
            }
            out.u8(b'\'');
        }
    }
}

#[derive(Default)]
struct Out {
    text: Writer,
    template: Template,
    literals: Vec<Literal>,
}

impl Out {
    fn text(&mut self, text: &str) {
        self.text.bytes(text.as_bytes());
    }

    fn end_text(&mut self) {
        let text = std::mem::take(&mut self.text);
        if !text.is_empty() {
            self.template.parts.push(Part::Sql(text.finish()));
        }
    }

    fn gap(&mut self, part: Part) {
        self.end_text();
        self.template.parts.push(part);
    }

    /// A gap for a literal. The sign of a number is text: it is a piece of its own in a statement.
    fn literal(&mut self, literal: &Literal) {
        if *literal == Literal::Null {
            return self.text("NULL");
        }
        let unsigned = match literal {
            Literal::Int(number @ ..0) => Some(Literal::Unsigned(number.unsigned_abs())),
            Literal::Decimal(digits) => digits.strip_prefix('-').map(|digits| Literal::Decimal(digits.to_owned())),
            Literal::Null | Literal::Int(_) | Literal::Unsigned(_) | Literal::Text(_) => None,
        };
        if unsigned.is_some() {
            self.text("-");
        }
        let index = self.literals.len();
        self.literals.push(unsigned.unwrap_or_else(|| literal.clone()));
        self.gap(Part::Literal(index));
    }

    fn name(&mut self, name: &Name) {
        self.text.u8(b'`').bytes(name.as_str().as_bytes()).u8(b'`');
    }

    fn table(&mut self, table: &Table) {
        if let Some(schema) = &table.schema {
            self.name(schema);
            self.text(".");
        }
        self.name(&table.name);
    }

    /// Things with commas between them.
    fn list<T>(&mut self, list: &[T], mut each: impl FnMut(&mut Self, &T)) {
        for (index, one) in list.iter().enumerate() {
            if index > 0 {
                self.text(", ");
            }
            each(self, one);
        }
    }

    fn select(&mut self, select: &Select) {
        self.text("SELECT ");
        self.list(&select.items, Self::item);
        if let Some(table) = &select.table {
            self.text(" FROM ");
            self.table(table);
        }
        self.filter(select.filter.as_ref());
        if !select.order.is_empty() {
            self.text(" ORDER BY ");
            self.list(&select.order, |out, Order { by, descending }| {
                out.expr(by);
                out.text(if *descending { " DESC" } else { "" });
            });
        }
        if let Some(Limit { offset, count }) = select.limit {
            self.limit(Some(count));
            if offset > 0 {
                self.text(" OFFSET ");
                self.literal(&Literal::Unsigned(offset));
                self.template.ordered = false;
            }
        }
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::All => self.text("*"),
            Item::Value { value, label, alias } => {
                self.expr(value);
                if *alias {
                    self.text(" AS `");
                    self.text(label);
                    self.text("`");
                }
            }
        }
    }

    fn filter(&mut self, filter: Option<&Expr>) {
        if let Some(filter) = filter {
            self.text(" WHERE ");
            self.expr(filter);
        }
    }

    fn limit(&mut self, limit: Option<u64>) {
        if let Some(count) = limit {
            self.text(" LIMIT ");
            self.literal(&Literal::Unsigned(count));
        }
    }

    fn insert(&mut self, insert: &Insert) {
        self.text(if insert.replace { "REPLACE " } else { "INSERT " });
        // DELAYED is not passed on: it means nothing for tables with transactions and is deprecated for the others.
        self.text(if insert.ignore { "IGNORE INTO " } else { "INTO " });
        self.table(&insert.table);
        if !insert.columns.is_empty() {
            self.text(" (");
            self.list(&insert.columns, Self::name);
            self.text(")");
        }
        self.text(" VALUES ");
        self.list(&insert.rows, |out, row| {
            out.text("(");
            out.list(row, Self::expr);
            out.text(")");
        });
    }

    fn update(&mut self, update: &Update) {
        self.text("UPDATE ");
        self.table(&update.table);
        self.text(" SET ");
        self.list(&update.assignments, |out, (column, value)| {
            out.name(column);
            out.text(" = ");
            out.expr(value);
        });
        self.filter(update.filter.as_ref());
        self.limit(update.limit);
    }

    fn delete(&mut self, delete: &Delete) {
        self.text("DELETE FROM ");
        self.table(&delete.table);
        self.filter(delete.filter.as_ref());
        self.limit(delete.limit);
    }

    fn expr(&mut self, expr: &Expr) {
        match expr {
            Expr::Column(name) => self.name(name),
            Expr::Literal(literal) => self.literal(literal),
            Expr::Parameter(index) => self.gap(Part::Parameter(*index)),
            Expr::Given(what) => self.gap(Part::Given(*what)),
            Expr::Variable(name) => {
                self.text("@@");
                self.text(name);
            }
            Expr::Call(name, args) if name == "COUNT" && args.is_empty() => self.text("COUNT(*)"),
            Expr::Call(name, args) => {
                self.text(name);
                self.text("(");
                self.list(args, Self::expr);
                self.text(")");
            }
            Expr::And(left, right) => {
                self.text("(");
                self.chain(left, AND, right);
                self.text(")");
            }
            Expr::Or(left, right) => {
                self.text("(");
                self.chain(left, OR, right);
                self.text(")");
            }
            Expr::Compare(how, left, right) => self.pair(left, comparison(*how), right),
            Expr::Calculate(how, left, right) => self.pair(left, calculation(*how), right),
            Expr::Not(inner) => {
                self.text("(NOT ");
                self.expr(inner);
                self.text(")");
            }
            Expr::IsNull(inner) => {
                self.text("(");
                self.expr(inner);
                self.text(" IS NULL)");
            }
            Expr::In(one, list) => {
                self.text("(");
                self.expr(one);
                self.text(" IN (");
                self.list(list, Self::expr);
                self.text("))");
            }
            Expr::Subquery(select) => {
                self.text("(");
                self.select(select);
                self.text(")");
            }
        }
    }

    /// The links of a chain of AND, or of OR, that leans to the left, without brackets around each.
    fn chain(&mut self, left: &Expr, between: &str, right: &Expr) {
        match (left, between) {
            (Expr::And(first, second), AND) | (Expr::Or(first, second), OR) => self.chain(first, between, second),
            (other, _) => self.expr(other),
        }
        self.text(between);
        self.expr(right);
    }

    fn pair(&mut self, left: &Expr, between: &str, right: &Expr) {
        self.text("(");
        self.expr(left);
        self.text(between);
        self.expr(right);
        self.text(")");
    }
}

const AND: &str = " AND ";
const OR: &str = " OR ";

fn comparison(how: Comparison) -> &'static str {
    match how {
        Comparison::Equal => " = ",
        Comparison::NotEqual => " <> ",
        Comparison::Less => " < ",
        Comparison::LessOrEqual => " <= ",
        Comparison::Greater => " > ",
        Comparison::GreaterOrEqual => " >= ",
        Comparison::Like => " LIKE ",
    }
}

fn calculation(how: Calculation) -> &'static str {
    match how {
        Calculation::Add => " + ",
        Calculation::Subtract => " - ",
        Calculation::Multiply => " * ",
    }
}
