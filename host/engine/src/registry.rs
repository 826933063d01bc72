//! The plugins there are, by id: found, described and loaded when first needed.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use scene3d_abi::{Descriptor, ErrorCode, PluginModRef, StageKind};

use crate::config::nearest;
use crate::discovery::{Broken, Discovery, Found, discover};
use crate::error::PluginError;
use crate::loader;
use crate::plugin_health::PluginHealth;
use crate::search_paths::SearchPaths;
use crate::stamp_cache::StampCache;

/// The plugins there are.
#[derive(Debug, Default)]
pub struct Registry {
    plugins: BTreeMap<String, Plugin>,
    shadowed: Vec<Found>,
    broken: Vec<Broken>,
    searched: Vec<PathBuf>,
    cache: StampCache,
}

#[derive(Debug)]
struct Plugin {
    /// `None` if it is linked statically.
    found: Option<Found>,
    kind: StageKind,
    health: Arc<PluginHealth>,
    loaded: Mutex<Option<LoadedPlugin>>,
}

/// A plugin whose library is open.
#[derive(Clone)]
pub struct LoadedPlugin {
    /// Its functions.
    pub module: PluginModRef,
    /// What it declares.
    pub descriptor: Arc<Descriptor>,
    /// Its panics so far.
    pub health: Arc<PluginHealth>,
}

impl std::fmt::Debug for LoadedPlugin {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("LoadedPlugin").field("id", &self.descriptor.id).finish_non_exhaustive()
    }
}

impl Registry {
    /// Finds the plugins in the search paths; descriptors are cached in the user's cache.
    #[must_use]
    pub fn discover(paths: &SearchPaths) -> Self {
        Self::with_cache(&paths.plugins, StampCache::of_user())
    }

    /// Finds the plugins in these directories; descriptors are cached there.
    #[must_use]
    pub fn with_cache(directories: &[PathBuf], cache: StampCache) -> Self {
        let Discovery { found, shadowed, broken, searched } = discover(directories);
        let plugins = found.into_iter().map(|(id, found)| (id, Plugin::found(found))).collect();
        Self { plugins, shadowed, broken, searched, cache }
    }

    /// Adds a plugin that is linked statically, in front of any that was found under its id.
    ///
    /// # Errors
    /// As [`loader::load_static`].
    pub fn add_static(&mut self, module: PluginModRef) -> Result<(), PluginError> {
        let (module, descriptor) = loader::load_static(module)?;
        let (id, kind) = (descriptor.id.clone(), descriptor.kind);
        let health = Arc::new(PluginHealth::default());
        let loaded = LoadedPlugin { module, descriptor: Arc::new(descriptor), health: Arc::clone(&health) };
        self.plugins.insert(id, Plugin { found: None, kind, health, loaded: Mutex::new(Some(loaded)) });
        Ok(())
    }

    /// Ids of all plugins, ordered.
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.plugins.keys().map(String::as_str)
    }

    /// Ids of all plugins of a kind, ordered.
    pub fn ids_of_kind(&self, kind: StageKind) -> impl Iterator<Item = &str> {
        self.plugins.iter().filter(move |(_, plugin)| plugin.kind == kind).map(|(id, _)| id.as_str())
    }

    /// Folder and manifest of a plugin; `None` if there is none of that id or it is linked statically.
    #[must_use]
    pub fn found(&self, id: &str) -> Option<&Found> {
        self.plugins.get(id)?.found.as_ref()
    }

    /// Kind of a plugin, as its manifest says.
    ///
    /// # Errors
    /// `NOT_FOUND`, with the directories searched and the nearest id.
    pub fn kind(&self, id: &str) -> Result<StageKind, PluginError> {
        self.plugin(id).map(|plugin| plugin.kind)
    }

    /// Plugins whose id was taken by one found earlier.
    #[must_use]
    pub fn shadowed(&self) -> &[Found] {
        &self.shadowed
    }

    /// Folders with a manifest that can't be used, and why.
    #[must_use]
    pub fn broken(&self) -> &[Broken] {
        &self.broken
    }

    /// The directories searched, in order.
    #[must_use]
    pub fn searched(&self) -> &[PathBuf] {
        &self.searched
    }

    /// Where facts about files are kept between runs.
    #[must_use]
    pub fn cache(&self) -> &StampCache {
        &self.cache
    }

    /// Why a plugin gets no further calls in this process, if so.
    #[must_use]
    pub fn disabled_reason(&self, id: &str) -> Option<String> {
        self.plugins.get(id)?.health.disabled_reason()
    }

    /// What a plugin declares; its library is opened only if that is not known from an earlier run.
    ///
    /// # Errors
    /// `NOT_FOUND`, or as [`loader::load`].
    pub fn descriptor(&self, id: &str) -> Result<Arc<Descriptor>, PluginError> {
        let plugin = self.plugin(id)?;
        if let Some(found) = &plugin.found {
            found.manifest.check_host()?;
            let is_loaded = plugin.loaded.lock().unwrap_or_else(PoisonError::into_inner).is_some();
            let cached = self.cache.get::<Descriptor>(DESCRIPTORS, &found.library()).filter(|_| !is_loaded);
            if let Some(descriptor) = cached.filter(|descriptor| fits(found, descriptor)) {
                return Ok(Arc::new(descriptor));
            }
        }
        self.load(id).map(|loaded| loaded.descriptor)
    }

    /// Opens a plugin's library, once.
    ///
    /// # Errors
    /// `NOT_FOUND`, or as [`loader::load`].
    pub fn load(&self, id: &str) -> Result<LoadedPlugin, PluginError> {
        let plugin = self.plugin(id)?;
        let mut loaded = plugin.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = &*loaded {
            return Ok(loaded.clone());
        }
        let Some(found) = &plugin.found else { return Err(self.not_found(id)) };
        let (module, descriptor) = loader::load(found)?;
        self.cache.put(DESCRIPTORS, &found.library(), &descriptor);
        let (descriptor, health) = (Arc::new(descriptor), Arc::clone(&plugin.health));
        Ok(loaded.insert(LoadedPlugin { module, descriptor, health }).clone())
    }

    fn plugin(&self, id: &str) -> Result<&Plugin, PluginError> {
        self.plugins.get(id).ok_or_else(|| self.not_found(id))
    }

    fn not_found(&self, id: &str) -> PluginError {
        let mut help = Vec::new();
        if let Some(name) = nearest(id, self.ids()) {
            help.push(format!("did you mean `{name}`?"));
        }
        for broken in self.broken.iter().filter(|broken| broken.folder.ends_with(id)) {
            help.push(format!("{} is there, but {}", broken.folder.display(), broken.reason));
        }
        let known: Vec<&str> = self.ids().collect();
        help.push(match known.as_slice() {
            [] => "there is no plugin at all; in a checkout, `cargo xtask build` makes them".to_owned(),
            known => format!("plugins there are: {}", known.join(", ")),
        });
        let searched: Vec<String> = self.searched.iter().map(|dir| dir.display().to_string()).collect();
        help.push(format!("directories searched: {}", searched.join(", ")));
        PluginError::new(id, "load", ErrorCode::NOT_FOUND, "there is no plugin of that id").help(help.join("\n"))
    }
}

const DESCRIPTORS: &str = "descriptor";

fn fits(found: &Found, descriptor: &Descriptor) -> bool {
    let Found { manifest, .. } = found;
    (&manifest.id, manifest.kind, &manifest.version) == (&descriptor.id, descriptor.kind, &descriptor.version)
}

impl Plugin {
    fn found(found: Found) -> Self {
        let (kind, health) = (found.manifest.kind, Arc::default());
        Self { found: Some(found), kind, health, loaded: Mutex::new(None) }
    }
}
