//! Checks of what a plugin returned against what its descriptor declares.

use scene3d_abi::{ErrorCode, PortSpec};
use scene3d_tensor::{DType, Device, Dimensions, ShapeSpec, TensorView};
use scene3d_wire::{Named, NamedView};

use crate::error::PluginError;

/// Splits numbered outputs into the items of the batch and checks each against the ports.
pub(super) fn checked_items(
    plugin: &str,
    ports: &[PortSpec],
    device: Device,
    outputs: Named,
    num_items: usize,
) -> Result<Vec<Named>, PluginError> {
    let items = split_items(plugin, outputs, num_items)?;
    for (number, item) in items.iter().enumerate() {
        check_item(ports, device, &NamedView::of(item)).map_err(|wrong| wrong.of_item(plugin, number))?;
    }
    Ok(items)
}

/// What is wrong with a port.
struct WrongPort {
    port: String,
    expected: String,
    got: String,
}

impl WrongPort {
    fn new(port: &str, expected: impl Into<String>, got: impl Into<String>) -> Self {
        Self { port: port.to_owned(), expected: expected.into(), got: got.into() }
    }

    fn of_item(self, plugin: &str, number: usize) -> PluginError {
        let Self { port, expected, got } = self;
        let message = format!("output `{port}` of item {number}: expected {expected}, got {got}");
        PluginError::new(plugin, "run", ErrorCode::INTERNAL, message)
            .help("this is a bug of the plugin: its outputs differ from the ports it declares")
            .detail("port", port)
            .detail("expected", expected)
            .detail("got", got)
    }
}

fn split_items(plugin: &str, outputs: Named, num_items: usize) -> Result<Vec<Named>, PluginError> {
    let mut items: Vec<Named> = (0..num_items).map(|_| Named::new()).collect();
    for (name, tensor) in outputs {
        let numbered = name.split_once('.').and_then(|(number, port)| Some((number.parse::<usize>().ok()?, port)));
        match numbered {
            Some((number, port)) if number < num_items => items[number].push((port.to_owned(), tensor)),
            _ => {
                let message = format!("output `{name}` is of none of the {num_items} items of the batch");
                let error = PluginError::new(plugin, "run", ErrorCode::INTERNAL, message);
                return Err(error.help("this is a bug of the plugin").detail("port", name));
            }
        }
    }
    Ok(items)
}

fn check_item(ports: &[PortSpec], device: Device, item: &NamedView<'_>) -> Result<(), WrongPort> {
    let mut bound = Dimensions::new();
    for port in ports {
        match item.find(&port.name) {
            Some(view) => check_port(port, view, device, &mut bound)?,
            None if port.optional => {}
            None => return Err(WrongPort::new(&port.name, format!("{} {}", port.dtype, port.shape), "nothing")),
        }
    }
    for (index, (name, _)) in item.0.iter().enumerate() {
        if !ports.iter().any(|port| port.name == *name) {
            return Err(WrongPort::new(name, "no such output", "one"));
        }
        if item.0[..index].iter().any(|(earlier, _)| earlier == name) {
            return Err(WrongPort::new(name, "one tensor", "two"));
        }
    }
    Ok(())
}

fn check_port(port: &PortSpec, view: TensorView<'_>, device: Device, bound: &mut Dimensions) -> Result<(), WrongPort> {
    let wrong = |expected: String, got: String| Err(WrongPort::new(&port.name, expected, got));
    if view.dtype().to_string() != port.dtype {
        return wrong(port.dtype.clone(), view.dtype().to_string());
    }
    let spec: ShapeSpec = match port.shape.parse() {
        Ok(spec) => spec,
        Err(_) => return wrong("a shape spec like [N, 2] in the descriptor".to_owned(), port.shape.clone()),
    };
    let names_before = bound.clone();
    if spec.check(view.shape(), bound).is_err() {
        return wrong(describe(&port.shape, &names_before), format!("{:?}", view.shape()));
    }
    if view.device() != Device::Cpu && view.device() != device {
        return wrong(format!("a tensor on cpu or {device}"), view.device().to_string());
    }
    if let Some(index) = first_not_finite(view) {
        return wrong("finite numbers".to_owned(), format!("NaN or infinity at element {index}"));
    }
    Ok(())
}

fn describe(shape: &str, bound: &Dimensions) -> String {
    let known: Vec<String> = bound.iter().map(|(name, value)| format!("{name} = {value}")).collect();
    if known.is_empty() { shape.to_owned() } else { format!("{shape} with {}", known.join(", ")) }
}

fn first_not_finite(view: TensorView<'_>) -> Option<usize> {
    match view.dtype() {
        DType::F32 => view.as_slice::<f32>().ok()?.iter().position(|value| !value.is_finite()),
        DType::F64 => view.as_slice::<f64>().ok()?.iter().position(|value| !value.is_finite()),
        _ => None,
    }
}
