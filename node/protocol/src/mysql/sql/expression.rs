//! From `sqlparser`'s expressions to ours.

use sqlparser::ast;

use super::convert::{Converter, name, single_name};
use super::{Calculation, Comparison, Expr, Literal, Refusal};

/// How deep expressions may be nested, chains of AND included.
const MAX_EXPRESSION: usize = 48;

/// The most values of a list.
const MAX_LIST: usize = 256;

impl Converter {
    /// An expression.
    pub(super) fn expr(&mut self, expr: ast::Expr) -> Result<Expr, Refusal> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_EXPRESSION {
            return Err(Refusal::TooDeep);
        }
        let converted = self.expr_here(expr);
        self.depth = self.depth.saturating_sub(1);
        converted
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "some sixty kinds of expressions are refused")]
    fn expr_here(&mut self, expr: ast::Expr) -> Result<Expr, Refusal> {
        Ok(match expr {
            ast::Expr::Identifier(ident) => column_or_variable(&ident)?,
            ast::Expr::CompoundIdentifier(parts) => compound(&parts)?,
            ast::Expr::Value(value) => self.value(value.value)?,
            ast::Expr::Nested(inner) => self.expr(*inner)?,
            ast::Expr::Function(function) => self.call(function)?,
            ast::Expr::BinaryOp { left, op, right } => self.binary(*left, &op, *right)?,
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Not, expr } => Expr::Not(self.boxed(*expr)?),
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Minus, expr } => negative(self.expr(*expr)?)?,
            ast::Expr::UnaryOp { op: ast::UnaryOperator::Plus, expr } => self.expr(*expr)?,
            ast::Expr::IsNull(inner) => Expr::IsNull(self.boxed(*inner)?),
            ast::Expr::IsNotNull(inner) => Expr::Not(Box::new(Expr::IsNull(self.boxed(*inner)?))),
            ast::Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let like = Expr::Compare(Comparison::Like, self.boxed(*expr)?, self.boxed(*pattern)?);
                if negated { Expr::Not(Box::new(like)) } else { like }
            }
            ast::Expr::In { expr, target: ast::InTarget::List(list), negated, global: false } => {
                let one = self.boxed(*expr)?;
                if list.len() > MAX_LIST {
                    return Err(Refusal::TooManyWords);
                }
                let list = list.into_iter().map(|value| self.expr(value)).collect::<Result<_, _>>()?;
                let within = Expr::In(one, list);
                if negated { Expr::Not(Box::new(within)) } else { within }
            }
            ast::Expr::Between { expr, negated, low, high } => {
                let (column, low, high) = (self.boxed(*expr)?, self.boxed(*low)?, self.boxed(*high)?);
                if !matches!(*column, Expr::Column(_)) {
                    return Err(Refusal::Expression);
                }
                let low = Expr::Compare(Comparison::GreaterOrEqual, column.clone(), low);
                let high = Expr::Compare(Comparison::LessOrEqual, column, high);
                let between = Expr::And(Box::new(low), Box::new(high));
                if negated { Expr::Not(Box::new(between)) } else { between }
            }
            ast::Expr::Subquery(query) => Expr::Subquery(Box::new(self.select(*query)?)),
            _ => return Err(Refusal::Expression),
        })
    }

    fn boxed(&mut self, expr: ast::Expr) -> Result<Box<Expr>, Refusal> {
        self.expr(expr).map(Box::new)
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "operators of other databases are refused")]
    fn binary(&mut self, left: ast::Expr, op: &ast::BinaryOperator, right: ast::Expr) -> Result<Expr, Refusal> {
        use ast::BinaryOperator as Op;
        let (left, right) = (self.boxed(left)?, self.boxed(right)?);
        let compare = |how, left, right| Ok(Expr::Compare(how, left, right));
        match op {
            Op::And => Ok(Expr::And(left, right)),
            Op::Or => Ok(Expr::Or(left, right)),
            Op::Eq => compare(Comparison::Equal, left, right),
            Op::NotEq => compare(Comparison::NotEqual, left, right),
            Op::Lt => compare(Comparison::Less, left, right),
            Op::LtEq => compare(Comparison::LessOrEqual, left, right),
            Op::Gt => compare(Comparison::Greater, left, right),
            Op::GtEq => compare(Comparison::GreaterOrEqual, left, right),
            Op::Plus => Ok(Expr::Calculate(Calculation::Add, left, right)),
            Op::Minus => Ok(Expr::Calculate(Calculation::Subtract, left, right)),
            Op::Multiply => Ok(Expr::Calculate(Calculation::Multiply, left, right)),
            _ => Err(Refusal::Expression),
        }
    }

    fn call(&mut self, function: ast::Function) -> Result<Expr, Refusal> {
        let ast::Function { name, uses_odbc_syntax, parameters, args, within_group, filter, null_treatment, over } =
            function;
        let plain = !uses_odbc_syntax
            && matches!(parameters, ast::FunctionArguments::None)
            && within_group.is_empty()
            && filter.is_none()
            && null_treatment.is_none()
            && over.is_none();
        let ast::FunctionArguments::List(list) = args else { return Err(Refusal::Expression) };
        let ast::FunctionArgumentList { duplicate_treatment: None, args, clauses } = list else {
            return Err(Refusal::Expression);
        };
        if !plain || !clauses.is_empty() {
            return Err(Refusal::Expression);
        }
        let name = single_name(&name)?.as_str().to_ascii_uppercase();
        if let [ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Wildcard)] = args.as_slice() {
            return if name == "COUNT" { Ok(Expr::Call(name, Vec::new())) } else { Err(Refusal::Expression) };
        }
        if name == "COUNT" && args.is_empty() {
            return Err(Refusal::Expression);
        }
        let mut values = Vec::with_capacity(args.len());
        for arg in args {
            let ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(value)) = arg else {
                return Err(Refusal::Expression);
            };
            values.push(self.expr(value)?);
        }
        Ok(Expr::Call(name, values))
    }

    #[expect(clippy::wildcard_enum_match_arm, reason = "literals of other databases are refused")]
    fn value(&mut self, value: ast::Value) -> Result<Expr, Refusal> {
        Ok(Expr::Literal(match value {
            ast::Value::Null => Literal::Null,
            ast::Value::Number(digits, false) => number(digits)?,
            ast::Value::SingleQuotedString(text) | ast::Value::DoubleQuotedString(text) => bytes_of(&text)?,
            ast::Value::Placeholder(mark) if mark == "?" => {
                let index = self.parameters;
                self.parameters = self.parameters.saturating_add(1);
                return Ok(Expr::Parameter(index));
            }
            _ => return Err(Refusal::Literal),
        }))
    }
}

/// The bytes that were read as Latin-1.
fn bytes_of(text: &str) -> Result<Literal, Refusal> {
    let bytes = text.chars().map(|char| u8::try_from(u32::from(char)).map_err(|_| Refusal::Literal));
    Ok(Literal::Text(bytes.collect::<Result<Vec<u8>, _>>()?.into()))
}

fn number(digits: String) -> Result<Literal, Refusal> {
    if let Ok(number) = digits.parse::<i64>() {
        return Ok(Literal::Int(number));
    }
    if let Ok(number) = digits.parse::<u64>() {
        return Ok(Literal::Unsigned(number));
    }
    let decimal = digits.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && digits.bytes().any(|byte| byte.is_ascii_digit())
        && digits.bytes().filter(|byte| *byte == b'.').count() == 1;
    if decimal { Ok(Literal::Decimal(digits)) } else { Err(Refusal::Literal) }
}

/// A number with its sign. -0 is refused: it would lose its sign, which other numbers keep.
fn negative(inner: Expr) -> Result<Expr, Refusal> {
    let Expr::Literal(literal) = inner else { return Err(Refusal::Expression) };
    Ok(Expr::Literal(match literal {
        Literal::Int(number @ 1..) => Literal::Int(number.saturating_neg()),
        Literal::Unsigned(number) if number == 1 << 63 => Literal::Int(i64::MIN),
        Literal::Decimal(digits) if !digits.starts_with('-') => Literal::Decimal(format!("-{digits}")),
        Literal::Null | Literal::Int(_) | Literal::Unsigned(_) | Literal::Decimal(_) | Literal::Text(_) => {
            return Err(Refusal::Literal);
        }
    }))
}

fn column_or_variable(ident: &ast::Ident) -> Result<Expr, Refusal> {
    match ident.value.strip_prefix("@@") {
        Some(variable) if ident.quote_style.is_none() => variable_of(variable),
        _ if ident.value.starts_with('@') => Err(Refusal::Variable),
        _ => name(ident).map(Expr::Column),
    }
}

/// `@@session.name`. A column with its table before it is refused: there is one table.
fn compound(parts: &[ast::Ident]) -> Result<Expr, Refusal> {
    match parts {
        [scope, variable] if scope.value.eq_ignore_ascii_case("@@session") => variable_of(&variable.value),
        [scope, _] if scope.value.starts_with('@') => Err(Refusal::Variable),
        _ => Err(Refusal::Name),
    }
}

fn variable_of(variable: &str) -> Result<Expr, Refusal> {
    let name = super::Name::new(variable).map_err(|_| Refusal::Variable)?;
    Ok(Expr::Variable(name.as_str().to_ascii_lowercase()))
}
