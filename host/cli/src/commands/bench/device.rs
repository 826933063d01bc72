//! Peak memory and energy of the GPU that a plugin runs on, sampled by NVML while it is measured.
//!
//! NVML is the driver's library (`libnvidia-ml`), opened when the program runs: where there is none, that is a reason,
//! not an error.

use std::ffi::OsStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nvml_wrapper::Nvml;
use nvml_wrapper::error::NvmlError;
use scene3d_tensor::Device;

use super::load::Window;

/// NVML itself averages power over longer than this.
const INTERVAL: Duration = Duration::from_millis(10);
/// CUDA counts the devices that this lists, NVML all.
const VISIBLE_DEVICES: &str = "CUDA_VISIBLE_DEVICES";

/// What a device needed, or why that is not known.
#[derive(Debug, Clone, PartialEq)]
pub struct DeviceFigures {
    /// Above what was in use before, by whatever process.
    pub peak_bytes: Option<u64>,
    /// For one item, idle draw included.
    pub joules: Option<f64>,
    /// Why one of them is missing.
    pub why_not: Option<String>,
}

/// Samples a device from its start on.
pub struct DeviceMeter(Result<Sampler, String>);

struct Sampler {
    is_over: Arc<AtomicBool>,
    thread: JoinHandle<Vec<Sample>>,
}

#[derive(Debug, Clone, Copy)]
struct Sample {
    at: Instant,
    used_bytes: u64,
    /// `None` where the device does not tell.
    watts: Option<f64>,
}

/// A device of NVML.
#[derive(Debug, PartialEq)]
enum DeviceName {
    Index(u32),
    Uuid(String),
}

impl DeviceMeter {
    /// Begins to sample the device.
    pub fn start(device: Device) -> Self {
        let Device::Cuda(index) = device else {
            return Self(Err(format!("it ran on the {device}, not on a GPU")));
        };
        let visible = std::env::var(VISIBLE_DEVICES).ok();
        Self(device_name(index as usize, visible.as_deref()).and_then(|name| Sampler::start(name, None)))
    }

    /// Ends sampling; energy is that of the load alone, for each of its calls.
    pub fn finish(self, load: Option<Window>, num_calls: usize) -> DeviceFigures {
        let samples = self.0.and_then(|sampler| {
            sampler.is_over.store(true, Ordering::Relaxed);
            sampler.thread.join().map_err(|_| "the thread that samples the GPU panicked".to_owned())
        });
        match samples {
            Ok(samples) => figures(&samples, load, num_calls),
            Err(why_not) => DeviceFigures { peak_bytes: None, joules: None, why_not: Some(why_not) },
        }
    }
}

impl Sampler {
    fn start(name: DeviceName, library: Option<&OsStr>) -> Result<Self, String> {
        let told = |error: NvmlError| format!("NVML does not tell: {error}");
        let nvml = match library {
            Some(path) => Nvml::builder().lib_path(path).init(),
            None => Nvml::init(),
        };
        let nvml = nvml.map_err(told)?;
        // before the plugin takes anything
        let first = sample(&nvml, &name).map_err(told)?;
        let is_over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&is_over);
        let thread = thread::spawn(move || {
            let mut samples = vec![first];
            while !seen.load(Ordering::Relaxed) {
                thread::sleep(INTERVAL);
                // a sample that is refused leaves a gap, over which power is interpolated
                samples.extend(sample(&nvml, &name).ok());
            }
            samples
        });
        Ok(Self { is_over, thread })
    }
}

fn sample(nvml: &Nvml, name: &DeviceName) -> Result<Sample, NvmlError> {
    let device = match name {
        DeviceName::Index(index) => nvml.device_by_index(*index)?,
        DeviceName::Uuid(uuid) => nvml.device_by_uuid(uuid.as_str())?,
    };
    let watts = device.power_usage().ok().map(|milliwatts| f64::from(milliwatts) / 1e3);
    Ok(Sample { at: Instant::now(), used_bytes: device.memory_info()?.used, watts })
}

/// CUDA's device `index` among those that its environment variable leaves visible.
fn device_name(index: usize, visible: Option<&str>) -> Result<DeviceName, String> {
    let Some(visible) = visible else { return Ok(DeviceName::Index(index as u32)) };
    let entry = visible.split(',').map(str::trim).nth(index).filter(|entry| !entry.is_empty());
    let entry = entry.ok_or_else(|| format!("{VISIBLE_DEVICES}={visible} has no device {index}"))?;
    Ok(entry.parse().map_or_else(|_| DeviceName::Uuid(entry.to_owned()), DeviceName::Index))
}

fn figures(samples: &[Sample], load: Option<Window>, num_calls: usize) -> DeviceFigures {
    let used = samples.iter().map(|sample| sample.used_bytes);
    let peak_bytes = used.clone().max().zip(used.clone().next()).map(|(peak, before)| peak.saturating_sub(before));
    let joules = load.and_then(|window| {
        let secs = |at: Instant| at.saturating_duration_since(samples[0].at).as_secs_f64();
        let power: Vec<_> = samples.iter().filter_map(|sample| Some([secs(sample.at), sample.watts?])).collect();
        let joules = integral(&power, [secs(window.begun), secs(window.ended)])?;
        Some(joules / num_calls.max(1) as f64)
    });
    let why_not = joules.is_none().then(|| "the GPU does not tell its power".to_owned());
    DeviceFigures { peak_bytes, joules, why_not }
}

/// Joules of `[secs, watts]`, sorted by time, from one time to another: power is linear between samples, and beyond the
/// first and the last as there.
fn integral(power: &[[f64; 2]], [from, to]: [f64; 2]) -> Option<f64> {
    let inner = power.iter().copied().filter(|[secs, _]| from < *secs && *secs < to);
    let mut points = vec![[from, watts_at(power, from)?]];
    points.extend(inner);
    points.push([to, watts_at(power, to)?]);
    let trapezoids = points.windows(2).map(|pair| (pair[1][0] - pair[0][0]) * (pair[0][1] + pair[1][1]) / 2.0);
    Some(trapezoids.sum())
}

fn watts_at(power: &[[f64; 2]], at: f64) -> Option<f64> {
    let next = power.partition_point(|[secs, _]| *secs < at);
    let after = power.get(next).or(power.last())?;
    let before = power.get(next.wrapping_sub(1)).unwrap_or(after);
    let span = after[0] - before[0];
    let share = if span > 0.0 { ((at - before[0]) / span).clamp(0.0, 1.0) } else { 0.0 };
    Some(before[1] + share * (after[1] - before[1]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn power_is_integrated_over_the_window_alone() {
        // 100 W, then rising to 300 W within a second, with a gap
        let power = [[0.0, 100.0], [1.0, 100.0], [2.0, 300.0]];
        assert_eq!(integral(&power, [0.0, 1.0]), Some(100.0));
        assert_eq!(integral(&power, [0.0, 2.0]), Some(300.0));
        assert_eq!(integral(&power, [1.5, 2.0]), Some((200.0 + 300.0) / 2.0 * 0.5));
        assert_eq!(integral(&power, [0.25, 0.75]), Some(50.0), "between two samples");
        assert_eq!(integral(&power, [-1.0, 0.0]), Some(100.0), "before the first");
        assert_eq!(integral(&power, [2.0, 4.0]), Some(600.0), "after the last");
        assert_eq!(integral(&power[..1], [0.0, 3.0]), Some(300.0), "one sample");
        assert_eq!(integral(&[], [0.0, 1.0]), None);
    }

    #[test]
    fn memory_counts_from_before_and_energy_is_an_items() {
        let start = Instant::now();
        let at = |secs, used_bytes, watts| Sample { at: start + Duration::from_secs(secs), used_bytes, watts };
        let window = Some(Window { begun: start + Duration::from_secs(1), ended: start + Duration::from_secs(3) });
        let samples =
            [at(0, 500, Some(50.0)), at(1, 900, Some(200.0)), at(2, 2500, Some(200.0)), at(3, 700, Some(200.0))];
        let expected = DeviceFigures { peak_bytes: Some(2000), joules: Some(40.0), why_not: None };
        assert_eq!(figures(&samples, window, 10), expected);
        let silent = samples.map(|sample| Sample { watts: None, ..sample });
        let figures = figures(&silent, window, 10);
        assert_eq!((figures.peak_bytes, figures.joules), (Some(2000), None));
        assert!(figures.why_not.is_some_and(|reason| reason.contains("power")));
    }

    #[test]
    fn without_nvml_or_a_gpu_there_is_a_reason() {
        let missing = Sampler::start(DeviceName::Index(0), Some(OsStr::new("no-such-library.so")));
        let reason = missing.err().unwrap();
        assert!(reason.starts_with("NVML does not tell: "), "{reason}");
        let figures = DeviceMeter(Err(reason.clone())).finish(None, 1);
        assert_eq!(figures, DeviceFigures { peak_bytes: None, joules: None, why_not: Some(reason) });
        let figures = DeviceMeter::start(Device::Cpu).finish(None, 1);
        assert_eq!(figures.why_not.as_deref(), Some("it ran on the cpu, not on a GPU"));
    }

    #[test]
    fn cuda_counts_visible_devices_only() {
        assert_eq!(device_name(1, None), Ok(DeviceName::Index(1)));
        assert_eq!(device_name(1, Some("3, 5")), Ok(DeviceName::Index(5)));
        assert_eq!(device_name(0, Some("GPU-1a")), Ok(DeviceName::Uuid("GPU-1a".into())));
        assert!(device_name(1, Some("3")).unwrap_err().contains("has no device 1"));
        assert!(device_name(0, Some("")).is_err());
    }
}
