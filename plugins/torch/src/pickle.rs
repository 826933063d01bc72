//! Reads the pickles that `torch.save` writes, as plain values: nothing of the pickle is ever run.
//!
//! Opcodes of protocol 2 as in CPython's `pickletools`. Values live in flat tables and refer to each other by index, so
//! that neither depth nor cycles nor sharing cost anything; every opcode costs a step, and steps are bounded.

use std::collections::HashMap;

use crate::pickle_global::{Global, global_of};
use crate::pickle_value::{Items, Pickle, StorageRef, TensorRef, Value};

/// Some thirty a tensor: enough for the parameters and the optimiser of a network of 20,000 tensors. A step takes at
/// most some 150 bytes of memory.
const MAX_STEPS: usize = 1 << 21;
/// More dimensions than any parameter has.
pub(crate) const MAX_DIMS: usize = 16;

type Result<T> = std::result::Result<T, String>;

/// Reads a pickle to its end.
pub(crate) fn read(pickle: &[u8]) -> Result<Pickle<'_>> {
    let mut machine = Machine { input: pickle, ..Machine::default() };
    loop {
        machine.spend(1)?;
        let opcode = machine.byte()?;
        if opcode == b'.' {
            let root = machine.pop()?;
            return Ok(Pickle::new(root, machine.objects, machine.tensors));
        }
        machine.step(opcode)?;
    }
}

#[derive(Default)]
struct Machine<'a> {
    input: &'a [u8],
    num_steps: usize,
    stack: Vec<Value<'a>>,
    marks: Vec<usize>,
    memo: HashMap<u32, Value<'a>>,
    elements: Vec<Value<'a>>,
    objects: Vec<Items<'a>>,
    storages: Vec<StorageRef<'a>>,
    tensors: Vec<TensorRef<'a>>,
}

impl<'a> Machine<'a> {
    fn step(&mut self, opcode: u8) -> Result<()> {
        match opcode {
            0x80 => return self.protocol(),
            b'(' => self.marks.push(self.stack.len()),
            b'0' => return self.pop().map(drop),
            b'N' | 0x88 | 0x89 => self.stack.push(Value::Other),
            b'K' | b'M' | b'J' | 0x8a | b'G' => return self.number(opcode),
            b'X' => {
                let len = self.u32()? as usize;
                let text = std::str::from_utf8(self.bytes(len)?).map_err(|_| "a text of the pickle is not UTF-8")?;
                self.stack.push(Value::Text(text));
            }
            b')' => return self.tuple_from(self.stack.len()),
            0x85 => return self.tuple_of(1),
            0x86 => return self.tuple_of(2),
            0x87 => return self.tuple_of(3),
            b't' => {
                let first = self.pop_mark()?;
                return self.tuple_from(first);
            }
            b']' => self.stack.push(Value::List),
            b'}' => return self.new_object(),
            b'a' => {
                self.pop()?;
                return self.append();
            }
            b'e' => {
                let first = self.pop_mark()?;
                self.stack.truncate(first);
                return self.append();
            }
            b's' => {
                let first = self.below_top(2)?;
                return self.set_items(first);
            }
            b'u' => {
                let first = self.pop_mark()?;
                return self.set_items(first);
            }
            b'q' => {
                let index = u32::from(self.byte()?);
                return self.remember(index);
            }
            b'r' => {
                let index = self.u32()?;
                return self.remember(index);
            }
            b'h' => {
                let index = u32::from(self.byte()?);
                return self.recall(index);
            }
            b'j' => {
                let index = self.u32()?;
                return self.recall(index);
            }
            b'c' => {
                let (module, name) = (self.line()?, self.line()?);
                self.stack.push(Value::Global(global_of(module, name)?));
            }
            b'Q' => return self.storage(),
            b'R' | 0x81 => return self.instance(),
            b'b' => return self.build(),
            other => return Err(format!("pickle opcode {other:#04x} is not one that torch.save writes")),
        }
        Ok(())
    }

    fn spend(&mut self, num_steps: usize) -> Result<()> {
        self.num_steps = self.num_steps.saturating_add(num_steps);
        if self.num_steps > MAX_STEPS {
            return Err(format!("the pickle takes more than {MAX_STEPS} steps: save the state dict alone"));
        }
        Ok(())
    }

    fn protocol(&mut self) -> Result<()> {
        match self.byte()? {
            2 => Ok(()),
            other => Err(format!("pickle protocol {other}, expected 2 as torch.save writes by default")),
        }
    }

    fn number(&mut self, opcode: u8) -> Result<()> {
        let value = match opcode {
            b'K' => Value::Int(i64::from(self.byte()?)),
            b'M' => Value::Int(i64::from(u16::from_le_bytes(self.array()?))),
            b'J' => Value::Int(i64::from(i32::from_le_bytes(self.array()?))),
            b'G' => self.array::<8>().map(|_| Value::Other)?,
            _ => {
                let len = self.byte()? as usize;
                long(self.bytes(len)?)
            }
        };
        self.stack.push(value);
        Ok(())
    }

    fn byte(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    fn u32(&mut self) -> Result<u32> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        self.bytes(N)?.try_into().map_err(|_| ENDS_EARLY.to_owned())
    }

    fn bytes(&mut self, len: usize) -> Result<&'a [u8]> {
        let (head, tail) = self.input.split_at_checked(len).ok_or(ENDS_EARLY)?;
        self.input = tail;
        Ok(head)
    }

    fn line(&mut self) -> Result<&'a str> {
        let len = self.input.iter().position(|&byte| byte == b'\n').ok_or(ENDS_EARLY)?;
        let line = std::str::from_utf8(self.bytes(len)?).map_err(|_| "a name of the pickle is not UTF-8")?;
        self.byte()?;
        Ok(line)
    }

    /// Index of the topmost values, which must lie above the last mark.
    fn below_top(&self, num_values: usize) -> Result<usize> {
        let floor = self.marks.last().copied().unwrap_or_default();
        let first = self.stack.len().checked_sub(num_values).filter(|&first| first >= floor);
        first.ok_or_else(|| STACK_EMPTY.to_owned())
    }

    fn pop(&mut self) -> Result<Value<'a>> {
        self.below_top(1)?;
        self.stack.pop().ok_or_else(|| STACK_EMPTY.to_owned())
    }

    fn top(&self) -> Result<Value<'a>> {
        self.below_top(1)?;
        self.stack.last().copied().ok_or_else(|| STACK_EMPTY.to_owned())
    }

    fn pop_mark(&mut self) -> Result<usize> {
        self.marks.pop().ok_or_else(|| "the pickle has no mark".to_owned())
    }

    fn tuple_of(&mut self, len: usize) -> Result<()> {
        let first = self.below_top(len)?;
        self.tuple_from(first)
    }

    fn tuple_from(&mut self, first_on_stack: usize) -> Result<()> {
        let (first, len) = (self.elements.len(), self.stack.len() - first_on_stack);
        self.elements.extend(self.stack.drain(first_on_stack..));
        self.stack.push(Value::Tuple { first, len });
        Ok(())
    }

    fn elements(&self, tuple: Value<'a>) -> Option<&[Value<'a>]> {
        let Value::Tuple { first, len } = tuple else { return None };
        self.elements.get(first..first + len)
    }

    fn new_object(&mut self) -> Result<()> {
        self.stack.push(Value::Object(self.objects.len()));
        self.objects.push(Items::new());
        Ok(())
    }

    fn append(&mut self) -> Result<()> {
        if self.top()? == Value::List { Ok(()) } else { Err("the pickle appends to what is no list".to_owned()) }
    }

    /// Keys and values alternate from that place of the stack on; the dict is below them.
    fn set_items(&mut self, first: usize) -> Result<()> {
        let (below, items) = self.stack.split_at(first);
        let Some(Value::Object(object)) = below.last() else {
            return Err("the pickle sets an item of what is no dict".to_owned());
        };
        if !items.len().is_multiple_of(2) {
            return Err("the pickle sets a key without a value".to_owned());
        }
        self.objects[*object].extend(items.chunks_exact(2).map(|item| (item[0], item[1])));
        self.stack.truncate(first);
        Ok(())
    }

    fn remember(&mut self, index: u32) -> Result<()> {
        let value = self.top()?;
        self.memo.insert(index, value);
        Ok(())
    }

    fn recall(&mut self, index: u32) -> Result<()> {
        let value = *self.memo.get(&index).ok_or("the pickle recalls what it never stored")?;
        self.stack.push(value);
        Ok(())
    }

    /// `('storage', torch.FloatStorage, key, location, numel)`
    fn storage(&mut self) -> Result<()> {
        let persistent_id = self.pop()?;
        let Some(
            &[
                Value::Text("storage"),
                Value::Global(Global::Storage(kind)),
                Value::Text(key),
                _,
                Value::Int(num_elements),
            ],
        ) = self.elements(persistent_id)
        else {
            return Err("a storage is not of the form that torch.save writes".to_owned());
        };
        self.stack.push(Value::Storage(self.storages.len()));
        self.storages.push(StorageRef { key, kind, num_elements });
        Ok(())
    }

    /// A tensor of the two functions that make one; of every other class an object without fields.
    fn instance(&mut self) -> Result<()> {
        let (arguments, class) = (self.pop()?, self.pop()?);
        let Value::Global(global) = class else {
            return Err("the pickle calls what is no class".to_owned());
        };
        let arguments = self.elements(arguments).ok_or("the pickle calls a class without a tuple of arguments")?;
        match global {
            Global::RebuildTensor => {
                let tensor = self.tensor(arguments)?;
                self.stack.push(Value::Tensor(self.tensors.len()));
                self.tensors.push(tensor);
            }
            Global::RebuildParameter => match arguments {
                &[tensor @ Value::Tensor(_), ..] => self.stack.push(tensor),
                _ => return Err("a parameter is not of the form that torch.save writes".to_owned()),
            },
            Global::Inert => return self.new_object(),
            Global::Storage(_) => return Err("the pickle makes a storage outside of the archive".to_owned()),
        }
        Ok(())
    }

    fn tensor(&self, arguments: &[Value<'a>]) -> Result<TensorRef<'a>> {
        let &[Value::Storage(storage), Value::Int(offset), shape, strides, ..] = arguments else {
            return Err("a tensor is not of the form that torch.save writes".to_owned());
        };
        let (shape, strides) = (self.integers(shape)?, self.integers(strides)?);
        Ok(TensorRef { storage: self.storages[storage], offset, shape, strides })
    }

    fn integers(&self, tuple: Value<'a>) -> Result<Vec<i64>> {
        let elements = self.elements(tuple).ok_or("a tensor's shape is no tuple")?;
        if elements.len() > MAX_DIMS {
            return Err(format!("a tensor has {} dimensions, expected at most {MAX_DIMS}", elements.len()));
        }
        let integer = |value: &Value<'a>| match value {
            Value::Int(integer) => Ok(*integer),
            _ => Err("a tensor's shape is no tuple of integers".to_owned()),
        };
        elements.iter().map(integer).collect()
    }

    /// State of an instance; other values have none that is of our concern. Copying costs steps: two dicts that take
    /// turns in being each other's state grow exponentially.
    fn build(&mut self) -> Result<()> {
        let state = self.pop()?;
        if let (Value::Object(instance), Value::Object(state)) = (self.top()?, state)
            && instance != state
        {
            self.spend(self.objects[state].len())?;
            let fields = self.objects[state].clone();
            self.objects[instance].extend(fields);
        }
        Ok(())
    }
}

const ENDS_EARLY: &str = "the pickle ends early";
const STACK_EMPTY: &str = "the pickle takes more from its stack than is there";

/// Little-endian two's complement; what needs more than 8 bytes (a seed) makes no tensor.
fn long(bytes: &[u8]) -> Value<'static> {
    if bytes.len() > 8 {
        return Value::Other;
    }
    let fill = if bytes.last().is_some_and(|&top| top >= 0x80) { 0xff } else { 0 };
    let mut wide = [fill; 8];
    wide[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(wide))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_pickles_are_errors() {
        for pickle in [
            &b""[..],
            b".",
            b"t.",
            b"X\xff\xff\xff\xff",
            b"h\x05.",
            b"\x85.",
            b"s.",
            b"}K\x01s.",
            b"K\x01a.",
            b"K\x01Q.",
            b"i",
            b"}(K\x01u.",
            b"K\x01(\x85.",
            b"K\x01)R.",
        ] {
            assert!(read(pickle).is_err(), "{pickle:?}");
        }
    }

    #[test]
    fn integers_of_any_width() {
        assert_eq!(long(&[0xff, 0xff]), Value::Int(-1));
        assert_eq!(long(&[0xff, 0x00]), Value::Int(255));
        assert_eq!(long(&[]), Value::Int(0));
        assert_eq!(long(&[1; 9]), Value::Other);
    }

    #[test]
    fn depth_and_cycles_cost_nothing() {
        let deep = [&b")"[..], &b"\x85".repeat(1_000_000), b"."].concat();
        assert!(matches!(read(&deep).unwrap().root, Value::Tuple { .. }));
        let cyclic = read(b"}q\x00X\x01\x00\x00\x00ah\x00s.").unwrap();
        let (index, items) = cyclic.object(cyclic.root).unwrap();
        assert_eq!(items[0].1, Value::Object(index));
    }

    #[test]
    fn dicts_that_feed_each_other_run_out_of_steps() {
        let start = b"}q\x00X\x01\x00\x00\x00aK\x01s}q\x01";
        let turn = b"h\x00b0h\x00h\x01b0h\x01";
        let Err(error) = read(&[&start[..], &turn.repeat(100), b"."].concat()) else { panic!("was read") };
        assert!(error.contains("more than 2097152 steps"), "{error}");
    }
}
