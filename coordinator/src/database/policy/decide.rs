//! From a statement's tree and the policy to a plan.

use bifrost_protocol::mysql::sql::{
    Comparison, Delete, Expr, Given, Insert, Item, Name, Select, Session, Statement, Table, Update,
};
use bifrost_protocol::mysql::variables;

use super::{Action, Denial, Kept, Local, Passed, Plan, Policy, TableRule, Verb};

/// Character sets in which no letter has a byte that reads as a quote or backslash; other ones are refused.
const SAFE_CHARSETS: &[&str] =
    &["ascii", "binary", "euckr", "latin1", "latin2", "tis620", "utf8", "utf8mb3", "utf8mb4"];

/// Variables of a session that clients set when they connect. They are told that it is done; nothing is ever set.
const SESSION_VARIABLES: &[&str] = &[
    "autocommit",
    "character_set_client",
    "character_set_connection",
    "character_set_results",
    "collation_connection",
    "net_write_timeout",
    "sql_mode",
    "time_zone",
    "transaction_isolation",
    "tx_isolation",
    "wait_timeout",
];

/// rAthena's tables of accounts. No map-server asks for them: that is the login-server's.
const ACCOUNTS: &[&str] = &["login", "loginlog", "ipbanlist", "global_acc_reg_num", "global_acc_reg_str"];

impl Policy {
    /// Decides about a statement.
    #[must_use]
    pub fn decide(&self, statement: Statement) -> Plan {
        let decided = match statement {
            Statement::Session(session) => session_of(session),
            Statement::Select(select) if select.table.is_none() => values(select),
            Statement::Select(select) => self.select(select),
            Statement::Insert(insert) => self.insert(insert),
            Statement::Update(update) => self.update(update),
            Statement::Delete(delete) => self.delete(delete),
        };
        decided.unwrap_or_else(Plan::Refused)
    }

    fn select(&self, mut select: Select) -> Result<Plan, Denial> {
        let Some(table) = select.table.clone() else { return values(select) };
        let (rule, action) = self.rule(&table, Verb::Select)?;
        if action == Action::Local {
            self.all_local(&select)?;
            return Ok(Plan::Local(Local::Empty(labels(&select, rule))));
        }
        let scope = self.scope(&table, rule);
        spread(&mut select.items, rule);
        for item in &select.items {
            if let Item::Value { value, .. } = item {
                scope.check(value)?;
            }
        }
        scope.check_all(&select.filter)?;
        scope.check_all(select.order.iter().map(|order| &order.by))?;
        if let Some(kept) = own_rows(rule, action) {
            select.table = Some(kept_in(kept));
            select.filter = Some(and_own(select.filter, kept));
        }
        Ok(passed(&Statement::Select(select), Verb::Select, &table, action))
    }

    fn insert(&self, mut insert: Insert) -> Result<Plan, Denial> {
        let table = insert.table.clone();
        let (rule, action) = self.rule(&table, Verb::Insert)?;
        if action == Action::Local {
            return Ok(Plan::Local(Local::Done));
        }
        if action == Action::Append && insert.replace {
            return Err(Denial::Replace(table.name));
        }
        if insert.columns.is_empty() {
            insert.columns.clone_from(&rule.columns);
        }
        let scope = self.scope(&table, rule);
        for column in &insert.columns {
            scope.column(column)?;
        }
        if insert.rows.iter().any(|row| row.len() != insert.columns.len()) {
            return Err(Denial::ColumnCount(table.name));
        }
        scope.check_all(insert.rows.iter().flatten())?;
        if let Some(kept) = own_rows(rule, action) {
            let stamp = if action == Action::Append { Given::Host } else { Given::Scope };
            insert.table = kept_in(kept);
            insert.columns.push(kept.stamp.clone());
            for row in &mut insert.rows {
                row.push(Expr::Given(stamp));
            }
        }
        Ok(passed(&Statement::Insert(insert), Verb::Insert, &table, action))
    }

    fn update(&self, mut update: Update) -> Result<Plan, Denial> {
        let table = update.table.clone();
        let (rule, action) = self.rule(&table, Verb::Update)?;
        if action == Action::Local {
            return Ok(Plan::Local(Local::Done));
        }
        let scope = self.scope(&table, rule);
        for (column, value) in &update.assignments {
            scope.column(column)?;
            scope.check(value)?;
        }
        scope.check_all(&update.filter)?;
        if let Some(kept) = own_rows(rule, action) {
            update.table = kept_in(kept);
            update.filter = Some(and_own(update.filter, kept));
        } else if update.filter.is_none() {
            return Err(Denial::WholeTable(Verb::Update, table.name));
        }
        Ok(passed(&Statement::Update(update), Verb::Update, &table, action))
    }

    fn delete(&self, mut delete: Delete) -> Result<Plan, Denial> {
        let table = delete.table.clone();
        let (rule, action) = self.rule(&table, Verb::Delete)?;
        if action == Action::Local {
            return Ok(Plan::Local(Local::Done));
        }
        let scope = self.scope(&table, rule);
        scope.check_all(&delete.filter)?;
        if let Some(kept) = own_rows(rule, action) {
            delete.table = kept_in(kept);
            delete.filter = Some(and_own(delete.filter, kept));
        } else if delete.filter.is_none() {
            return Err(Denial::WholeTable(Verb::Delete, table.name));
        }
        Ok(passed(&Statement::Delete(delete), Verb::Delete, &table, action))
    }

    /// The rule and what it says about a verb, when that is not to refuse.
    fn rule(&self, table: &Table, verb: Verb) -> Result<(&TableRule, Action), Denial> {
        if let Some(schema) = &table.schema {
            return Err(Denial::OtherDatabase(schema.clone(), table.name.clone()));
        }
        let rule = self.tables.get(table.name.as_str());
        let rule = rule.ok_or_else(|| self.unknown(&table.name))?;
        match rule.action(verb) {
            Action::Refuse => Err(Denial::Refused(verb, table.name.clone())),
            action @ (Action::Local
            | Action::Forward
            | Action::Stale
            | Action::Cache(_)
            | Action::Scope
            | Action::Append) => Ok((rule, action)),
        }
    }

    fn unknown(&self, table: &Name) -> Denial {
        let kept = self.tables.values().filter_map(|rule| rule.kept.as_ref()).any(|kept| kept.table.is(table.as_str()));
        let hidden = kept || ACCOUNTS.iter().any(|account| table.is(account));
        if hidden { Denial::Hidden(table.clone()) } else { Denial::UnknownTable(table.clone()) }
    }

    fn scope<'a>(&'a self, table: &'a Table, rule: &'a TableRule) -> Scope<'a> {
        Scope { table: &table.name, rule, functions: &self.functions }
    }

    /// Whether every table of a query, and of the queries inside it, is answered here.
    fn all_local(&self, select: &Select) -> Result<(), Denial> {
        if let Some(table) = &select.table
            && self.rule(table, Verb::Select)?.1 != Action::Local
        {
            return Err(Denial::Nested);
        }
        let items = select.items.iter().filter_map(|item| match item {
            Item::All => None,
            Item::Value { value, .. } => Some(value),
        });
        items.chain(&select.filter).try_for_each(|expr| self.local_inside(expr))
    }

    fn local_inside(&self, expr: &Expr) -> Result<(), Denial> {
        if let Expr::Subquery(select) = expr {
            return self.all_local(select);
        }
        children(expr).into_iter().try_for_each(|child| self.local_inside(child))
    }
}

/// What expressions of a statement may mention.
struct Scope<'a> {
    table: &'a Name,
    rule: &'a TableRule,
    functions: &'a [String],
}

impl Scope<'_> {
    fn check_all<'a>(&self, exprs: impl IntoIterator<Item = &'a Expr>) -> Result<(), Denial> {
        exprs.into_iter().try_for_each(|expr| self.check(expr))
    }

    fn check(&self, expr: &Expr) -> Result<(), Denial> {
        match expr {
            Expr::Column(name) => self.column(name)?,
            Expr::Call(name, _) if !self.functions.contains(name) => return Err(Denial::Function(name.clone())),
            Expr::Variable(name) => return Err(Denial::Variable(name.clone())),
            // A given value is never read from a statement.
            Expr::Subquery(_) | Expr::Given(_) => return Err(Denial::Nested),
            Expr::Literal(_)
            | Expr::Parameter(_)
            | Expr::Call(..)
            | Expr::And(..)
            | Expr::Or(..)
            | Expr::Not(_)
            | Expr::Compare(..)
            | Expr::Calculate(..)
            | Expr::In(..)
            | Expr::IsNull(_) => {}
        }
        self.check_all(children(expr))
    }

    fn column(&self, name: &Name) -> Result<(), Denial> {
        if self.rule.knows(name) { Ok(()) } else { Err(Denial::UnknownColumn(self.table.clone(), name.clone())) }
    }
}

/// The expressions an expression is made of.
fn children(expr: &Expr) -> Vec<&Expr> {
    match expr {
        Expr::And(left, right)
        | Expr::Or(left, right)
        | Expr::Compare(_, left, right)
        | Expr::Calculate(_, left, right) => vec![left, right],
        Expr::Not(inner) | Expr::IsNull(inner) => vec![inner],
        Expr::In(one, list) => std::iter::once(&**one).chain(list).collect(),
        Expr::Call(_, arguments) => arguments.iter().collect(),
        Expr::Column(_)
        | Expr::Literal(_)
        | Expr::Parameter(_)
        | Expr::Variable(_)
        | Expr::Subquery(_)
        | Expr::Given(_) => Vec::new(),
    }
}

/// Where rows go that are kept apart from the operator's own.
fn own_rows(rule: &TableRule, action: Action) -> Option<&Kept> {
    match action {
        Action::Scope | Action::Append => rule.kept.as_ref(),
        Action::Refuse | Action::Local | Action::Forward | Action::Stale | Action::Cache(_) => None,
    }
}

fn kept_in(kept: &Kept) -> Table {
    Table { schema: None, name: kept.table.clone() }
}

/// A filter that takes only the group's own rows.
fn and_own(filter: Option<Expr>, kept: &Kept) -> Expr {
    let stamp = Box::new(Expr::Column(kept.stamp.clone()));
    let own = Expr::Compare(Comparison::Equal, stamp, Box::new(Expr::Given(Given::Scope)));
    match filter {
        Some(filter) => Expr::And(Box::new(filter), Box::new(own)),
        None => own,
    }
}

/// Puts the listed columns where `*` stands.
fn spread(items: &mut Vec<Item>, rule: &TableRule) {
    let column =
        |name: &Name| Item::Value { value: Expr::Column(name.clone()), label: name.as_str().to_owned(), alias: false };
    *items = std::mem::take(items)
        .into_iter()
        .flat_map(|item| match item {
            Item::All => rule.columns.iter().map(column).collect(),
            item @ Item::Value { .. } => vec![item],
        })
        .collect();
}

fn labels(select: &Select, rule: &TableRule) -> Vec<String> {
    let mut items = select.items.clone();
    spread(&mut items, rule);
    items
        .into_iter()
        .filter_map(|item| match item {
            Item::All => None,
            Item::Value { label, .. } => Some(label),
        })
        .collect()
}

fn passed(statement: &Statement, verb: Verb, table: &Table, action: Action) -> Plan {
    let (template, _) = statement.template();
    Plan::Passed(Passed { template, verb, table: table.name.as_str().to_owned(), action })
}

/// A SELECT of no table: only what can be said without a database.
fn values(select: Select) -> Result<Plan, Denial> {
    for item in &select.items {
        match item {
            Item::Value { value: Expr::Literal(_) | Expr::Parameter(_), .. } => {}
            Item::Value { value: Expr::Variable(name), .. } if variables::get(name).is_some() => {}
            Item::Value { value: Expr::Variable(name), .. } => return Err(Denial::Variable(name.clone())),
            Item::Value { value: Expr::Call(name, arguments), .. } => {
                if variables::about(name).is_none() || !arguments.is_empty() {
                    return Err(Denial::Function(name.clone()));
                }
            }
            Item::Value { .. } | Item::All => return Err(Denial::Session("a calculation without a table")),
        }
    }
    if select.filter.is_some() || !select.order.is_empty() {
        return Err(Denial::Session("a filter without a table"));
    }
    Ok(Plan::Local(Local::Values(select)))
}

fn session_of(session: Session) -> Result<Plan, Denial> {
    match &session {
        Session::Set { charset: Some(charset), .. } if !SAFE_CHARSETS.contains(&charset.as_str()) => {
            return Err(Denial::Session("this character set"));
        }
        Session::Use(name) if name.as_str() != variables::DATABASE => return Err(Denial::Session("another database")),
        Session::Set { variables, .. } => {
            if let Some(other) = variables.iter().find(|name| !SESSION_VARIABLES.contains(&name.as_str())) {
                return Err(Denial::Variable(other.clone()));
            }
        }
        Session::Show(_) | Session::Begin | Session::Commit | Session::Rollback | Session::Use(_) => {}
    }
    Ok(Plan::Local(Local::Session(session)))
}
