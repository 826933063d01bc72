//! `scene3d plugin list` and `inspect`: what is installed, and what it declares.

use anyhow::Result;
use scene3d_engine::{EngineError, RawConfig, Registry, SearchPaths};
use serde_json::{Value, json};

use crate::exit::EXIT_SUCCESS;

/// The registry without a config: the environment's folders and those around the executable.
pub fn registry() -> Result<(Registry, SearchPaths)> {
    let config = RawConfig::parse("", "no config").map_err(EngineError::from)?;
    let paths = SearchPaths::new(&config);
    Ok((Registry::discover(&paths), paths))
}

/// Prints the plugins found, and what could not be used with the reason.
pub fn list(json: bool) -> Result<u8> {
    let (registry, _) = registry()?;
    if json {
        println!("{:#}", list_json(&registry));
        return Ok(EXIT_SUCCESS);
    }
    for id in registry.ids() {
        match registry.descriptor(id) {
            Ok(d) => println!("{:<12} {:<10} {:<8} {:<12} {}", d.id, d.kind.name(), d.version, d.license, d.summary),
            Err(error) => println!("{id:<12} unusable: {error}"),
        }
    }
    for broken in registry.broken() {
        println!("unusable: {}: {}", broken.folder.display(), broken.reason);
    }
    for shadowed in registry.shadowed() {
        println!("shadowed by another of its id: {}", shadowed.folder.display());
    }
    if registry.ids().next().is_none() {
        let searched: Vec<String> = registry.searched().iter().map(|dir| dir.display().to_string()).collect();
        println!("no plugin was found in: {}", searched.join(", "));
    }
    Ok(EXIT_SUCCESS)
}

fn list_json(registry: &Registry) -> Value {
    let plugin = |id: &str| match registry.descriptor(id) {
        Ok(d) => json!({
            "id": d.id, "kind": d.kind, "version": d.version, "license": d.license, "summary": d.summary,
            "folder": registry.found(id).map(|found| found.folder.clone()),
        }),
        Err(error) => json!({ "id": id, "error": error.to_string() }),
    };
    let broken =
        |broken: &scene3d_engine::discovery::Broken| json!({ "folder": broken.folder, "reason": broken.reason });
    json!({
        "plugins": registry.ids().map(plugin).collect::<Vec<_>>(),
        "broken": registry.broken().iter().map(broken).collect::<Vec<_>>(),
    })
}

/// Prints what a plugin declares.
pub fn inspect(name: &str, json: bool) -> Result<u8> {
    let (registry, _) = registry()?;
    let descriptor = registry.descriptor(name).map_err(EngineError::from)?;
    if json {
        println!("{}", serde_json::to_string_pretty(&*descriptor)?);
        return Ok(EXIT_SUCCESS);
    }
    println!("{} {} ({}, {})", descriptor.id, descriptor.version, descriptor.kind.name(), descriptor.license);
    println!("  {}\n  source: {}", descriptor.summary, descriptor.source);
    println!("  devices: {}", descriptor.devices.join(", "));
    if let Some(family) = &descriptor.emits_family {
        println!("  emits family {family}");
    }
    if !descriptor.accepts_families.is_empty() {
        println!("  accepts families {}", descriptor.accepts_families.join(", "));
    }
    for (title, ports) in [("in", &descriptor.inputs), ("out", &descriptor.outputs)] {
        for port in ports {
            let optional = if port.optional { ", optional" } else { "" };
            println!("  {title:<3} {} {} {}{optional}: {}", port.name, port.shape, port.dtype, port.doc);
        }
    }
    for weight in &descriptor.weights {
        println!("  weights {} ({}) from {}", weight.name, weight.license, weight.sources.join(" or "));
    }
    print_config(&descriptor.config_schema);
    Ok(EXIT_SUCCESS)
}

fn print_config(schema: &Value) {
    println!("  config");
    for (key, property) in schema["properties"].as_object().into_iter().flatten() {
        let doc = property["description"].as_str().unwrap_or_default().replace('\n', " ");
        let unit = property["x-unit"].as_str().map_or_else(String::new, |unit| format!(" {unit}"));
        println!("    {key} = {}{unit}  {doc}", property["default"]);
    }
}
