//! Reads a checkpoint's model string, a Python call with literal keywords, as data: nothing is evaluated.
//!
//! `AsymmetricMASt3R(pos_embed='RoPE100', img_size=(512, 512), depth_mode=('exp', -inf, inf), two_confs=True)`

use std::fmt;

use crate::{Mast3rError, Result};

/// Tuples within tuples; the released strings have one level.
const MAX_DEPTH: usize = 4;

/// A Python literal.
#[derive(Debug, Clone, PartialEq)]
pub enum Literal {
    /// `'text'`
    Text(String),
    /// `1`, `-inf`, `1e-6`
    Number(f64),
    /// `True`
    Bool(bool),
    /// `None`
    Nothing,
    /// `(1, 'a')`
    Tuple(Vec<Literal>),
}

/// A call with keywords only.
#[derive(Debug, Clone, PartialEq)]
pub struct Call {
    /// Name of the class.
    pub name: String,
    /// In the order written.
    pub keywords: Vec<(String, Literal)>,
}

impl Call {
    /// Reads a whole model string.
    ///
    /// # Errors
    /// [`Mast3rError::Syntax`] with the place and what was expected there.
    pub fn parse(text: &str) -> Result<Self> {
        let characters: Vec<char> = text.chars().collect();
        let mut parser = Parser { characters: &characters, at: 0 };
        parser.call().map_err(|problem| Mast3rError::Syntax { at: parser.at, problem, text: text.to_owned() })
    }

    /// The last value given for a keyword, as Python would have refused two.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Literal> {
        self.keywords.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value)
    }
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "'{text}'"),
            Self::Number(number) => write!(f, "{number}"),
            Self::Bool(true) => f.write_str("True"),
            Self::Bool(false) => f.write_str("False"),
            Self::Nothing => f.write_str("None"),
            Self::Tuple(items) => {
                let items: Vec<_> = items.iter().map(Self::to_string).collect();
                write!(f, "({})", items.join(", "))
            }
        }
    }
}

struct Parser<'a> {
    characters: &'a [char],
    at: usize,
}

type Parsed<T> = std::result::Result<T, String>;

impl Parser<'_> {
    fn call(&mut self) -> Parsed<Call> {
        let name = self.name()?;
        self.expect('(')?;
        let mut keywords = Vec::new();
        while !self.eat(')') {
            let key = self.name()?;
            self.expect('=')?;
            keywords.push((key, self.literal(MAX_DEPTH)?));
            if !self.eat(',') {
                self.expect(')')?;
                break;
            }
        }
        match self.peek() {
            None => Ok(Call { name, keywords }),
            Some(found) => Err(format!("expected the end, found `{found}`")),
        }
    }

    fn literal(&mut self, depth: usize) -> Parsed<Literal> {
        match self.peek() {
            Some(quote @ ('\'' | '"')) => self.text(quote),
            Some('(' | '[') if depth > 0 => self.tuple(depth - 1),
            Some('(' | '[') => Err(format!("tuples are nested deeper than {MAX_DEPTH}")),
            Some('-' | '+' | '.' | '0'..='9') => self.number(),
            _ => self.word(),
        }
    }

    fn text(&mut self, quote: char) -> Parsed<Literal> {
        self.at += 1;
        let rest = &self.characters[self.at..];
        let length = rest.iter().position(|character| *character == quote).ok_or("a quote is not closed")?;
        self.at += length + 1;
        let text: String = rest[..length].iter().collect();
        if text.contains('\\') { Err("escapes in strings are not read".to_owned()) } else { Ok(Literal::Text(text)) }
    }

    fn tuple(&mut self, depth: usize) -> Parsed<Literal> {
        let close = if self.eat('(') { ')' } else { ']' };
        self.eat('[');
        let mut items = Vec::new();
        while !self.eat(close) {
            items.push(self.literal(depth)?);
            if !self.eat(',') {
                self.expect(close)?;
                break;
            }
        }
        Ok(Literal::Tuple(items))
    }

    fn number(&mut self) -> Parsed<Literal> {
        let is_part = |character: &char| character.is_ascii_alphanumeric() || "+-.".contains(*character);
        let number: String = self.characters[self.at..].iter().take_while(|character| is_part(character)).collect();
        let value = number.parse().map_err(|_| format!("`{number}` is no number"))?;
        self.at += number.len();
        Ok(Literal::Number(value))
    }

    fn word(&mut self) -> Parsed<Literal> {
        let start = self.at;
        let literal = match self.name()?.as_str() {
            "True" => Literal::Bool(true),
            "False" => Literal::Bool(false),
            "None" => Literal::Nothing,
            "inf" => Literal::Number(f64::INFINITY),
            other => {
                self.at = start;
                return Err(format!("expected a literal, found `{other}`"));
            }
        };
        Ok(literal)
    }

    fn name(&mut self) -> Parsed<String> {
        let start = self.peek();
        let is_part = |character: &char| character.is_ascii_alphanumeric() || *character == '_';
        let name: String = self.characters[self.at..].iter().take_while(|character| is_part(character)).collect();
        if name.is_empty() || name.starts_with(|first: char| first.is_ascii_digit()) {
            return Err(format!("expected a name, found {}", start.map_or("the end".to_owned(), |c| format!("`{c}`"))));
        }
        self.at += name.len();
        Ok(name)
    }

    fn expect(&mut self, expected: char) -> Parsed<()> {
        if self.eat(expected) {
            return Ok(());
        }
        let found = self.peek().map_or("the end".to_owned(), |character| format!("`{character}`"));
        Err(format!("expected `{expected}`, found {found}"))
    }

    fn eat(&mut self, expected: char) -> bool {
        let is_there = self.peek() == Some(expected);
        self.at += usize::from(is_there);
        is_there
    }

    /// The next character that is no space.
    fn peek(&mut self) -> Option<char> {
        while self.characters.get(self.at).is_some_and(|character| character.is_whitespace()) {
            self.at += 1;
        }
        self.characters.get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_literal_is_read() {
        let call = Call::parse(
            "A( a='x y' ,b=(1, -inf, inf),c=1e-6, d=True, e=None, f=\"it's\", g=(), h=[2,], i=((3,), False),)",
        )
        .unwrap();
        assert_eq!(call.name, "A");
        let texts: Vec<_> = call.keywords.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let expected = "a='x y' b=(1, -inf, inf) c=0.000001 d=True e=None f='it's' g=() h=(2) i=((3), False)";
        assert_eq!(texts.join(" "), expected);
    }

    #[test]
    fn what_is_no_literal_is_refused_with_its_place() {
        for (text, at, problem) in [
            ("", 0, "expected a name, found the end"),
            ("A", 1, "expected `(`, found the end"),
            ("A(b=__import__('os').system('id'))", 4, "expected a literal, found `__import__`"),
            ("A(b=1+1)", 4, "`1+1` is no number"),
            ("A('x')", 2, "expected a name, found `'`"),
            ("A(b='x)", 5, "a quote is not closed"),
            ("A(b='\\x41')", 10, "escapes"),
            ("A(b=1) or 1", 7, "expected the end, found `o`"),
            ("A(b=((((((1))))))", 8, "nested deeper than 4"),
            ("A(b=1", 5, "expected `)`, found the end"),
            ("A(b=1)(", 6, "expected the end, found `(`"),
        ] {
            let error = Call::parse(text).unwrap_err();
            let Mast3rError::Syntax { at: got, problem: message, .. } = &error else { panic!("{error}") };
            assert!((*got, message.contains(problem)) == (at, true), "{text}: {error}");
        }
    }
}
