//! Writing a statement anew.

use bytes::Bytes;

use super::{
    Calculation, Comparison, Delete, Expr, Insert, Item, Limit, Literal, Name, Order, Select, Session, Statement,
    Table, Update,
};
use crate::Writer;

impl Statement {
    /// The statement as text: names in backticks, expressions in brackets, text in single quotes with every special byte
    /// escaped, parameters as `?` in their order. Statements about the session are not passed on and give nothing.
    #[must_use]
    pub fn render(&self) -> Bytes {
        let mut out = Out(Writer::default());
        match self {
            Self::Select(select) => out.select(select),
            Self::Insert(insert) => out.insert(insert),
            Self::Update(update) => out.update(update),
            Self::Delete(delete) => out.delete(delete),
            Self::Session(
                Session::Names(_)
                | Session::Variables(_)
                | Session::Show(_)
                | Session::Begin
                | Session::Commit
                | Session::Rollback
                | Session::Use(_),
            ) => {}
        }
        out.0.finish()
    }
}

struct Out(Writer);

impl Out {
    fn text(&mut self, text: &str) {
        self.0.bytes(text.as_bytes());
    }

    fn name(&mut self, name: &Name) {
        self.0.u8(b'`').bytes(name.as_str().as_bytes()).u8(b'`');
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
            self.text(&format!(" LIMIT {count} OFFSET {offset}"));
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
            self.text(&format!(" LIMIT {count}"));
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
            Expr::Parameter(_) => self.text("?"),
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
            Expr::And(left, right) => self.pair(left, " AND ", right),
            Expr::Or(left, right) => self.pair(left, " OR ", right),
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

    fn pair(&mut self, left: &Expr, between: &str, right: &Expr) {
        self.text("(");
        self.expr(left);
        self.text(between);
        self.expr(right);
        self.text(")");
    }

    fn literal(&mut self, literal: &Literal) {
        match literal {
            Literal::Null => self.text("NULL"),
            Literal::Int(number) => self.text(&number.to_string()),
            Literal::Unsigned(number) => self.text(&number.to_string()),
            Literal::Decimal(digits) => self.text(digits),
            Literal::Text(bytes) => self.quoted(bytes),
        }
    }

    /// Text in single quotes. Backslash escapes are what MariaDB reads unless NO_BACKSLASH_ESCAPES is set, which the
    /// connection this is sent on has to make sure of.
    fn quoted(&mut self, bytes: &[u8]) {
        self.0.u8(b'\'');
        for byte in bytes {
            match byte {
                0 => self.text("\\0"),
                b'\n' => self.text("\\n"),
                b'\r' => self.text("\\r"),
                0x1A => self.text("\\Z"),
                b'\'' | b'"' | b'\\' => drop(self.0.u8(b'\\').u8(*byte)),
                other => drop(self.0.u8(*other)),
            }
        }
        self.0.u8(b'\'');
    }
}

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
