//! Reads the pickles that `torch.save` writes, as plain values: nothing of the pickle is ever run.
//!
//! Opcodes of protocol 2 as in CPython's `pickletools`; the few globals that make tensors become [`Value::Tensor`], every
//! other class becomes an inert [`Value::Object`].

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use tch::Kind;

/// A value of a pickle. Containers are shared, as the memo shares them.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    /// `None`, a bool or a float: nothing that makes a tensor.
    Other,
    Int(i64),
    Str(Rc<str>),
    Tuple(Rc<[Value]>),
    List(Rc<RefCell<Vec<Value>>>),
    Object(Items),
    Global(Rc<str>),
    Storage(Rc<StorageRef>),
    Tensor(Rc<TensorRef>),
}

/// A dict, or the fields of an instance.
pub(crate) type Items = Rc<RefCell<Vec<(Value, Value)>>>;

/// An archive member that holds elements.
#[derive(Debug)]
pub(crate) struct StorageRef {
    pub key: String,
    pub kind: Kind,
}

/// A strided view of a storage, in elements.
#[derive(Debug)]
pub(crate) struct TensorRef {
    pub storage: Rc<StorageRef>,
    pub offset: i64,
    pub shape: Vec<i64>,
    pub strides: Vec<i64>,
}

type Result<T> = std::result::Result<T, String>;

/// The value of a pickle.
pub(crate) fn read(pickle: &[u8]) -> Result<Value> {
    let mut machine = Machine { input: pickle, stack: Vec::new(), marks: Vec::new(), memo: HashMap::new() };
    loop {
        let opcode = machine.byte()?;
        if opcode == b'.' {
            return machine.pop();
        }
        machine.step(opcode)?;
    }
}

struct Machine<'a> {
    input: &'a [u8],
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value>,
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            0x80 => self.byte().map(drop),
            b'(' => {
                self.marks.push(self.stack.len());
                Ok(())
            }
            b'0' => self.pop().map(drop),
            b'N' | 0x88 | 0x89 => self.push(Value::Other),
            b'K' | b'M' | b'J' | 0x8a | b'G' => self.number(opcode),
            b'X' => {
                let len = self.u32()? as usize;
                let text = std::str::from_utf8(self.bytes(len)?).map_err(|_| "a string is not UTF-8")?;
                self.push(Value::Str(text.into()))
            }
            b')' => self.push(Value::Tuple(Rc::from([]))),
            0x85 => self.tuple_of(1),
            0x86 => self.tuple_of(2),
            0x87 => self.tuple_of(3),
            b't' => {
                let values = self.pop_to_mark()?;
                self.push(Value::Tuple(values.into()))
            }
            b']' => self.push(Value::List(Rc::default())),
            b'}' => self.push(Value::Object(Rc::default())),
            b'a' => {
                let value = self.pop()?;
                self.append(vec![value])
            }
            b'e' => {
                let values = self.pop_to_mark()?;
                self.append(values)
            }
            b's' => {
                let (value, key) = (self.pop()?, self.pop()?);
                self.set_items(vec![key, value])
            }
            b'u' => {
                let values = self.pop_to_mark()?;
                self.set_items(values)
            }
            b'q' => {
                let index = u32::from(self.byte()?);
                self.remember(index)
            }
            b'r' => {
                let index = self.u32()?;
                self.remember(index)
            }
            b'h' => {
                let index = u32::from(self.byte()?);
                self.recall(index)
            }
            b'j' => {
                let index = self.u32()?;
                self.recall(index)
            }
            b'c' => {
                let name = format!("{}.{}", self.line()?, self.line()?);
                self.push(Value::Global(name.into()))
            }
            b'Q' => {
                let storage = storage_of(&self.pop()?)?;
                self.push(storage)
            }
            b'R' | 0x81 => {
                let (arguments, class) = (self.pop()?, self.pop()?);
                self.push(instance_of(&class, &arguments)?)
            }
            b'b' => {
                let state = self.pop()?;
                self.build(&state)
            }
            other => Err(format!("pickle opcode {other:#04x} is not one that torch.save writes")),
        }
    }

    fn number(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b'K' => Value::Int(i64::from(self.byte()?)),
            b'M' => Value::Int(i64::from(u16::from_le_bytes(self.array()?))),
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.array()?))),
            b'G' => {
                self.array::<8>()?;
                Value::Other
            }
            _ => {
                let len = self.byte()? as usize;
                Value::Int(long(self.bytes(len)?)?)
            }
        };
        self.push(value)
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().map_err(|_| "the pickle ends early".to_owned())
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.input.split_at_checked(len).ok_or("the pickle ends early")?;
        self.input = tail;
        Ok(head)
    }

    fn line(&mut self) -> Result<&'a str> {
        let len = self.input.iter().position(|&byte| byte == b'\n').ok_or("the pickle ends early")?;
        let line = std::str::from_utf8(self.bytes(len)?).map_err(|_| "a name is not UTF-8")?;
        self.byte()?;
        Ok(line)
    }

    fn push(&mut self, value: Value) -> Result<()> {
        self.stack.push(value);
        Ok(())
    }

    fn pop(&mut self) -> Result<Value> {
        self.stack.pop().ok_or_else(|| "the pickle's stack is empty".to_owned())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Value>> {
        let mark = self.marks.pop().filter(|&mark| mark <= self.stack.len()).ok_or("the pickle has no mark")?;
        Ok(self.stack.split_off(mark))
    }

    fn tuple_of(&mut self, len: usize) -> Result<()> {
        let first = self.stack.len().checked_sub(len).ok_or("the pickle's stack is empty")?;
        let values = self.stack.split_off(first);
        self.push(Value::Tuple(values.into()))
    }

    fn append(&mut self, values: Vec<Value>) -> Result<()> {
        let Some(Value::List(list)) = self.stack.last() else { return Err("append to what is no list".to_owned()) };
        list.borrow_mut().extend(values);
        Ok(())
    }

    fn set_items(&mut self, keys_and_values: Vec<Value>) -> Result<()> {
        let Some(Value::Object(items)) = self.stack.last() else {
            return Err("item set on what is no dict".to_owned());
        };
        let mut values = keys_and_values.into_iter();
        while let (Some(key), Some(value)) = (values.next(), values.next()) {
            items.borrow_mut().push((key, value));
        }
        Ok(())
    }

    fn remember(&mut self, index: u32) -> Result<()> {
        let value = self.stack.last().ok_or("the pickle's stack is empty")?.clone();
        self.memo.insert(index, value);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        let value = self.memo.get(&index).ok_or("the pickle recalls what it never stored")?.clone();
        self.push(value)
    }

    /// State of an instance; that of a state dict (`_metadata`) is no concern of ours, and tensors have none.
    fn build(&mut self, state: &Value) -> Result<()> {
        if let (Some(Value::Object(instance)), Value::Object(state)) = (self.stack.last(), state)
            && !Rc::ptr_eq(instance, state)
        {
            instance.borrow_mut().extend(state.borrow().iter().cloned());
        }
        Ok(())
    }
}

/// Little-endian two's complement of up to 8 bytes.
fn long(bytes: &[u8]) -> Result<i64> {
    if bytes.len() > 8 {
        return Err(format!("an integer of {} bytes, expected at most 8", bytes.len()));
    }
    let fill = if bytes.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 };
    let mut wide = [fill; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Ok(i64::from_le_bytes(wide))
}

/// `('storage', torch.FloatStorage, key, location, numel)`
fn storage_of(persistent_id: &Value) -> Result<Value> {
    if let Value::Tuple(parts) = persistent_id
        && let [Value::Str(_), Value::Global(class), Value::Str(key), ..] = &parts[..]
    {
        return Ok(Value::Storage(Rc::new(StorageRef { key: key.to_string(), kind: kind_of(class)? })));
    }
    Err("a storage is not of the form that torch.save writes".to_owned())
}

fn kind_of(storage_class: &str) -> Result<Kind> {
    match storage_class {
        "torch.FloatStorage" => Ok(Kind::Float),
        "torch.DoubleStorage" => Ok(Kind::Double),
        "torch.HalfStorage" => Ok(Kind::Half),
        "torch.BFloat16Storage" => Ok(Kind::BFloat16),
        "torch.LongStorage" => Ok(Kind::Int64),
        "torch.IntStorage" => Ok(Kind::Int),
        "torch.ShortStorage" => Ok(Kind::Int16),
        "torch.CharStorage" => Ok(Kind::Int8),
        "torch.ByteStorage" => Ok(Kind::Uint8),
        "torch.BoolStorage" => Ok(Kind::Bool),
        other => Err(format!("storage class `{other}` is not known")),
    }
}

fn instance_of(class: &Value, arguments: &Value) -> Result<Value> {
    let (Value::Global(name), Value::Tuple(arguments)) = (class, arguments) else {
        return Err("something other than a class is instantiated".to_owned());
    };
    match (&**name, &arguments[..]) {
        ("torch._utils._rebuild_tensor_v2", [Value::Storage(storage), Value::Int(offset), shape, strides, ..]) => {
            let (shape, strides) = (integers(shape)?, integers(strides)?);
            Ok(Value::Tensor(Rc::new(TensorRef { storage: Rc::clone(storage), offset: *offset, shape, strides })))
        }
        ("torch._utils._rebuild_parameter", [tensor @ Value::Tensor(_), ..]) => Ok(tensor.clone()),
        _ => Ok(Value::Object(Rc::default())),
    }
}

fn integers(tuple: &Value) -> Result<Vec<i64>> {
    let malformed = || "a tensor's shape is no tuple of integers".to_owned();
    let Value::Tuple(values) = tuple else { return Err(malformed()) };
    values.iter().map(|value| if let Value::Int(int) = value { Ok(*int) } else { Err(malformed()) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_in_a_pickle_stays_inert() {
        // cos.system('true'): what an attack looks like
        let value = read(b"\x80\x02cos\nsystem\nX\x04\x00\x00\x00true\x85R.").unwrap();
        assert!(matches!(value, Value::Object(items) if items.borrow().is_empty()));
    }

    #[test]
    fn malformed_pickles_are_errors() {
        for pickle in
            [&b""[..], b".", b"t.", b"X\xff\xff\xff\xff", b"h\x05.", b"\x85.", b"s.", b"]a.", b"K\x01Q.", b"i"]
        {
            assert!(read(pickle).is_err(), "{pickle:?}");
        }
        assert_eq!(long(&[0xff, 0xff]).unwrap(), -1);
        assert_eq!(long(&[0xff, 0x00]).unwrap(), 255);
    }
}
