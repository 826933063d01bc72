//! The scene itself: a room with boxes, a column and a ball in it, and the rays that see them.

use nalgebra::{Vector2, Vector3};
use rayon::prelude::*;

use super::noise::Random;
use super::texture::{Material, Texture};
use crate::{Camera, CameraModel, Rigid3};

/// Half the side of the room, m; the cameras stand inside.
const ROOM_HALF: f32 = 9.0;
const ROOM_HEIGHT: f32 = 6.0;
const NUM_BOXES: usize = 6;
/// Objects stand within this distance of the middle, m.
const OBJECTS_RADIUS: f32 = 2.0;
/// Objects reach to 2.8 m and up to 2.2 m, and the sun stands at most 35 degrees off the zenith.
const SHADOWS_RADIUS: f32 = 4.5;
const SKY: [f32; 3] = [0.55, 0.7, 0.95];
const AMBIENT: f32 = 0.5;
const SUN: f32 = 1.3;
/// Where the 2 x 2 rays of a pixel pass: those of the second diagonal only where the first sees an edge.
const DIAGONALS: [[[f64; 2]; 2]; 2] = [[[0.25, 0.25], [0.75, 0.75]], [[0.75, 0.25], [0.25, 0.75]]];
/// Difference of linear colour above which the two rays of a diagonal are an edge.
const MAX_CONTRAST: f32 = 0.06;

/// Objects in a room.
pub(super) struct World {
    surfaces: Vec<Surface>,
    to_sun: Vector3<f32>,
}

struct Surface {
    shape: Shape,
    texture: Texture,
}

enum Shape {
    /// Floor at `z = 0` and four walls, seen from inside.
    Room,
    /// Turned about `z`.
    Cuboid {
        center: Vector3<f32>,
        half: Vector3<f32>,
        cos: f32,
        sin: f32,
    },
    Ball {
        center: Vector3<f32>,
        radius: f32,
    },
    /// Upright, from the floor, without a lid worth seeing.
    Column {
        center: Vector2<f32>,
        radius: f32,
        height: f32,
    },
}

#[derive(Clone, Copy)]
struct Ray {
    origin: Vector3<f32>,
    direction: Vector3<f32>,
}

/// Where a ray meets a shape: distance along the ray, normal, place on the surface (m) and which face it is.
struct Hit {
    distance: f32,
    normal: Vector3<f32>,
    uv: [f32; 2],
    face: u32,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let mut random = Random::new(seed ^ 0x5ce0_e3d0);
        let mut surfaces = vec![Surface::new(Shape::Room, Material::Slabs { size: 0.7 }, &mut random)];
        let places = places(&mut random);
        for (index, place) in places.into_iter().enumerate() {
            let (shape, material) = match index {
                0 => (ball(place, &mut random), Material::Plaster),
                1 => (column(place, &mut random), Material::Bricks { size: [0.3, 0.12] }),
                _ => (cuboid(place, &mut random), material(index, &mut random)),
            };
            surfaces.push(Surface::new(shape, material, &mut random));
        }
        let to_sun = Vector3::new(random.uniform(-0.6, 0.6), random.uniform(-0.6, 0.6), 1.2).normalize();
        Self { surfaces, to_sun }
    }

    /// Linear RGB `[H * W]`, 2 x 2 rays a pixel.
    pub(super) fn render(&self, camera: &Camera, cam_from_world: &Rigid3) -> Vec<[f32; 3]> {
        let width = camera.image_size[0] as usize;
        let num_pixels = width * camera.image_size[1] as usize;
        let world_from_cam = cam_from_world.inverse();
        let px_angle = 0.7 / camera.focal()[0] as f32;
        let mut radiance = vec![[0.0; 3]; num_pixels];
        radiance.par_chunks_mut(width).enumerate().for_each(|(y, row)| {
            for (x, pixel) in row.iter_mut().enumerate() {
                let color = |[dx, dy]: [f64; 2]| {
                    let in_cam = unproject(camera, [x as f64 + dx, y as f64 + dy]);
                    let direction = (world_from_cam.rotation * in_cam).cast::<f32>().normalize();
                    self.color(&Ray { origin: world_from_cam.translation.cast(), direction }, px_angle)
                };
                let mut mean = mix(color(DIAGONALS[0][0]), color(DIAGONALS[0][1]));
                *pixel = mean.0;
                if mean.1 > MAX_CONTRAST {
                    mean = mix(color(DIAGONALS[1][0]), color(DIAGONALS[1][1]));
                    *pixel = mix(*pixel, mean.0).0;
                }
            }
        });
        radiance
    }

    fn color(&self, ray: &Ray, px_angle: f32) -> [f32; 3] {
        let Some((surface, hit)) = self.nearest(ray) else { return SKY };
        let cos_view = -hit.normal.dot(&ray.direction);
        // a slanted surface puts more of itself into a pixel; the mean of both directions is a fair footprint
        let footprint = hit.distance * px_angle / cos_view.max(0.05).sqrt();
        let texture = Texture { seed: surface.texture.seed.wrapping_add(hit.face * 977), ..surface.texture };
        let light = AMBIENT + SUN * self.sunlight(ray, &hit);
        texture.color(hit.uv, footprint).map(|channel| channel * light)
    }

    fn nearest(&self, ray: &Ray) -> Option<(&Surface, Hit)> {
        let distances = self.surfaces.iter().filter_map(|surface| Some((surface, surface.shape.distance(ray)?)));
        let (surface, distance) = distances.min_by(|(_, a), (_, b)| a.total_cmp(b))?;
        Some((surface, surface.shape.hit(ray, distance)?))
    }

    fn sunlight(&self, ray: &Ray, hit: &Hit) -> f32 {
        let cos_sun = hit.normal.dot(&self.to_sun);
        let origin = ray.origin + ray.direction * hit.distance + hit.normal * 1e-3;
        // the sun is high: shadows of objects stay near them
        if cos_sun <= 0.0 || origin.xy().norm() > SHADOWS_RADIUS {
            return cos_sun.max(0.0);
        }
        let to_sun = Ray { origin, direction: self.to_sun };
        // the room has no roof: only the objects cast shadows
        let is_shaded = self.surfaces.iter().skip(1).any(|surface| surface.shape.distance(&to_sun).is_some());
        if is_shaded { 0.0 } else { cos_sun }
    }
}

/// Mean of two colours, and how much they differ.
fn mix(a: [f32; 3], b: [f32; 3]) -> ([f32; 3], f32) {
    let contrast = a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
    (std::array::from_fn(|c| (a[c] + b[c]) / 2.0), contrast)
}

/// Places for a ball, a column and the boxes, apart from each other.
fn places(random: &mut Random) -> Vec<Vector2<f32>> {
    let mut places: Vec<Vector2<f32>> = Vec::new();
    let mut min_distance = 1.3;
    while places.len() < NUM_BOXES + 2 {
        let place = Vector2::new(
            random.uniform(-OBJECTS_RADIUS, OBJECTS_RADIUS),
            random.uniform(-OBJECTS_RADIUS, OBJECTS_RADIUS),
        );
        // shrinks with every try, so that the last object finds a place too
        min_distance *= 0.995;
        if place.norm() < OBJECTS_RADIUS && places.iter().all(|other| (other - place).norm() > min_distance) {
            places.push(place);
        }
    }
    places
}

fn ball(place: Vector2<f32>, random: &mut Random) -> Shape {
    let radius = random.uniform(0.4, 0.6);
    Shape::Ball { center: Vector3::new(place.x, place.y, radius), radius }
}

fn column(center: Vector2<f32>, random: &mut Random) -> Shape {
    Shape::Column { center, radius: random.uniform(0.2, 0.35), height: random.uniform(1.5, 2.2) }
}

fn cuboid(place: Vector2<f32>, random: &mut Random) -> Shape {
    let half = Vector3::new(random.uniform(0.2, 0.5), random.uniform(0.2, 0.5), random.uniform(0.2, 0.75));
    let (sin, cos) = random.uniform(0.0, std::f32::consts::PI).sin_cos();
    Shape::Cuboid { center: Vector3::new(place.x, place.y, half.z), half, cos, sin }
}

fn material(index: usize, random: &mut Random) -> Material {
    let scale = random.uniform(0.7, 1.3);
    match index % 3 {
        0 => Material::Plaster,
        1 => Material::Bricks { size: [0.22 * scale, 0.09 * scale] },
        _ => Material::Slabs { size: 0.16 * scale },
    }
}

/// Direction in the camera frame (`z = 1`) that the camera sees at `px`; inverts [`Camera::project`].
fn unproject(camera: &Camera, px: [f64; 2]) -> Vector3<f64> {
    let ([fx, fy], [cx, cy]) = (camera.focal(), camera.principal_point());
    let distorted = Vector2::new((px[0] - cx) / fx, (px[1] - cy) / fy);
    if camera.model != CameraModel::SimpleRadial {
        return Vector3::new(distorted.x, distorted.y, 1.0);
    }
    let (k, target) = (camera.params[3], distorted.norm());
    let mut r = target;
    // Newton on r (1 + k r^2) = target: quadratic convergence, 1e-12 after a handful of steps
    for _ in 0..8 {
        r -= (r * (1.0 + k * r * r) - target) / (1.0 + 3.0 * k * r * r);
    }
    let scale = if target > 0.0 { r / target } else { 1.0 };
    Vector3::new(distorted.x * scale, distorted.y * scale, 1.0)
}

impl Surface {
    fn new(shape: Shape, material: Material, random: &mut Random) -> Self {
        Self { shape, texture: Texture { seed: random.next_u64() as u32, material } }
    }
}

impl Shape {
    /// How far along the ray the shape is; whether that place is solid only [`Self::hit`] knows for the room.
    fn distance(&self, ray: &Ray) -> Option<f32> {
        match self {
            Self::Room => Some(room_plane(ray).1),
            Self::Cuboid { center, half, cos, sin } => {
                cuboid_face(&to_cuboid(ray, center, *cos, *sin), half).map(|f| f.1)
            }
            Self::Ball { center, radius } => ball_distance(ray, center, *radius),
            Self::Column { center, radius, height } => column_distance(ray, center, *radius, *height),
        }
    }

    fn hit(&self, ray: &Ray, distance: f32) -> Option<Hit> {
        match self {
            Self::Room => room_hit(ray),
            Self::Cuboid { center, half, cos, sin } => cuboid_hit(ray, center, half, *cos, *sin),
            Self::Ball { center, radius } => Some(ball_hit(ray, distance, center, *radius)),
            Self::Column { center, radius, .. } => Some(column_hit(ray, distance, center, *radius)),
        }
    }
}

/// Axis of the plane of floor or walls that ends the ray, and the distance to it.
fn room_plane(ray: &Ray) -> (usize, f32) {
    let to_plane = |axis: usize, at: f32| (at - ray.origin[axis]) / ray.direction[axis];
    let to_wall = |axis: usize| (axis, to_plane(axis, ROOM_HALF.copysign(ray.direction[axis])));
    let wall = if to_wall(0).1 < to_wall(1).1 { to_wall(0) } else { to_wall(1) };
    let to_floor = to_plane(2, 0.0);
    if ray.direction.z < 0.0 && to_floor < wall.1 { (2, to_floor) } else { wall }
}

/// None where the ray leaves over the walls.
fn room_hit(ray: &Ray) -> Option<Hit> {
    let (axis, distance) = room_plane(ray);
    let x = ray.origin + ray.direction * distance;
    if x.z > ROOM_HEIGHT {
        return None;
    }
    let mut normal = Vector3::zeros();
    normal[axis] = -ray.direction[axis].signum();
    let uv = [[x.y, x.z], [x.x, x.z], [x.x, x.y]][axis];
    let face = 2 * axis as u32 + u32::from(ray.direction[axis] > 0.0);
    Some(Hit { distance, normal, uv, face })
}

fn to_cuboid(ray: &Ray, center: &Vector3<f32>, cos: f32, sin: f32) -> Ray {
    let turn = |v: Vector3<f32>| Vector3::new(cos * v.x + sin * v.y, cos * v.y - sin * v.x, v.z);
    Ray { origin: turn(ray.origin - center), direction: turn(ray.direction) }
}

/// Slab test (Kay and Kajiya 1986) in the cuboid's own frame: axis of the face that the ray enters by, and the distance.
fn cuboid_face(ray: &Ray, half: &Vector3<f32>) -> Option<(usize, f32)> {
    let (mut enter, mut exit, mut axis) = (f32::MIN, f32::MAX, 0);
    for i in 0..3 {
        let inverse = ray.direction[i].recip();
        let (a, b) = ((-half[i] - ray.origin[i]) * inverse, (half[i] - ray.origin[i]) * inverse);
        if a.min(b) > enter {
            (enter, axis) = (a.min(b), i);
        }
        exit = exit.min(a.max(b));
    }
    (enter <= exit && enter > 0.0).then_some((axis, enter))
}

fn cuboid_hit(ray: &Ray, center: &Vector3<f32>, half: &Vector3<f32>, cos: f32, sin: f32) -> Option<Hit> {
    let own = to_cuboid(ray, center, cos, sin);
    let (axis, distance) = cuboid_face(&own, half)?;
    let x = own.origin + own.direction * distance;
    let mut n = Vector3::zeros();
    n[axis] = -own.direction[axis].signum();
    let face = 2 * axis as u32 + u32::from(n[axis] > 0.0);
    let normal = Vector3::new(cos * n.x - sin * n.y, sin * n.x + cos * n.y, n.z);
    Some(Hit { distance, normal, uv: [[x.y, x.z], [x.x, x.z], [x.x, x.y]][axis], face })
}

fn ball_distance(ray: &Ray, center: &Vector3<f32>, radius: f32) -> Option<f32> {
    let from_center = ray.origin - center;
    let b = from_center.dot(&ray.direction);
    let discriminant = b * b - from_center.norm_squared() + radius * radius;
    let distance = -b - discriminant.max(0.0).sqrt();
    (discriminant >= 0.0 && distance > 0.0).then_some(distance)
}

fn ball_hit(ray: &Ray, distance: f32, center: &Vector3<f32>, radius: f32) -> Hit {
    let normal = (ray.origin + ray.direction * distance - center) / radius;
    // the texture is laid on a cube and pushed onto the ball: no poles
    let axis = normal.iamax();
    let [a, b] = [[1, 2], [0, 2], [0, 1]][axis];
    let scale = radius / normal[axis].abs();
    let face = 2 * axis as u32 + u32::from(normal[axis] > 0.0);
    Hit { distance, normal, uv: [normal[a] * scale, normal[b] * scale], face }
}

fn column_distance(ray: &Ray, center: &Vector2<f32>, radius: f32, height: f32) -> Option<f32> {
    let (from_center, direction) = (ray.origin.xy() - center, ray.direction.xy());
    let (a, b) = (direction.norm_squared(), from_center.dot(&direction));
    let discriminant = b * b - a * (from_center.norm_squared() - radius * radius);
    let distance = (-b - discriminant.max(0.0).sqrt()) / a;
    let z = ray.origin.z + ray.direction.z * distance;
    (discriminant >= 0.0 && distance > 0.0 && (0.0..height).contains(&z)).then_some(distance)
}

fn column_hit(ray: &Ray, distance: f32, center: &Vector2<f32>, radius: f32) -> Hit {
    let x = ray.origin + ray.direction * distance;
    let normal = (x.xy() - center) / radius;
    let uv = [normal.y.atan2(normal.x) * radius, x.z];
    Hit { distance, normal: Vector3::new(normal.x, normal.y, 0.0), uv, face: 0 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CameraId;

    #[test]
    fn unprojection_inverts_projection() {
        let params = vec![544.0, 320.0, 240.0, -0.2];
        let camera = Camera::new(CameraId(1), CameraModel::SimpleRadial, [640, 480], params).unwrap();
        for px in [[0.5, 0.5], [320.0, 240.0], [639.5, 100.0]] {
            let back = camera.project(&unproject(&camera, px)).unwrap();
            assert!((back - Vector2::from(px)).norm() < 1e-9, "{px:?} came back as {back}");
        }
    }

    #[test]
    fn rays_meet_shapes_where_geometry_says() {
        let ray = Ray { origin: Vector3::new(5.0, 0.0, 1.0), direction: -Vector3::x() };
        // a ball of radius 0.5 in the middle is met at x = 0.5, so after 4.5 m
        let ball = Shape::Ball { center: Vector3::z(), radius: 0.5 };
        let ball = ball.hit(&ray, ball.distance(&ray).unwrap()).unwrap();
        assert!((ball.distance - 4.5).abs() < 1e-5 && (ball.normal - Vector3::x()).norm() < 1e-5);
        let column = column_distance(&ray, &Vector2::zeros(), 0.25, 2.0).unwrap();
        assert!((column - 4.75).abs() < 1e-5);
        assert!(column_distance(&ray, &Vector2::zeros(), 0.25, 0.9).is_none(), "the ray passes above");
        // a cube of side 2 turned by 45 degrees shows its edge, sqrt(2) from the middle
        let (sin, cos) = std::f32::consts::FRAC_PI_4.sin_cos();
        let ray_beside_edge = Ray { origin: Vector3::new(5.0, 1e-3, 1.0), ..ray };
        let cuboid = cuboid_hit(&ray_beside_edge, &Vector3::z(), &Vector3::repeat(1.0), cos, sin).unwrap();
        assert!((cuboid.distance - (5.0 - 2.0_f32.sqrt())).abs() < 2e-3, "{}", cuboid.distance);
        let wall = room_hit(&ray).unwrap();
        assert!((wall.distance - 14.0).abs() < 1e-5 && (wall.normal - Vector3::x()).norm() < 1e-6);
        let floor = room_hit(&Ray { direction: -Vector3::z(), ..ray }).unwrap();
        assert!((floor.distance - 1.0).abs() < 1e-6);
    }
}
