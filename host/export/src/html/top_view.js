// The cloud from above with a wedge for each camera; wheel zooms, drag pans, a click picks the image.

function topView(pick) {
  const { top_view: view } = page;
  if (!view) return null;
  const points = u16sOf(view.positions);
  const colors = bytesOf(view.colors);
  const look = { zoom: 1, x: 0.5, y: 0.5 };
  const [spanX, spanY] = view.span;
  let hovered = null;
  let onScreen = [];
  const { canvas, redraw } = drawn(() => Math.min(0.62, Math.max(0.34, spanY / spanX)), (pen, width, height) => {
    const scale = 0.94 * Math.min(width / spanX, height / spanY) * look.zoom;
    const toX = (x) => width / 2 + (x - look.x) * spanX * scale;
    const toY = (y) => height / 2 + (y - look.y) * spanY * scale;
    const dot = Math.max(1.4, Math.min(3, 1.4 * Math.sqrt(look.zoom)));
    for (let i = 0; 2 * i < points.length; i += 1) {
      pen.fillStyle = `rgb(${colors[3 * i]},${colors[3 * i + 1]},${colors[3 * i + 2]})`;
      pen.fillRect(toX(points[2 * i] / 65535), toY(points[2 * i + 1] / 65535), dot, dot);
    }
    onScreen = view.cameras.map((camera) => ({ ...camera, px: toX(camera.x), py: toY(camera.y) }));
    for (const camera of onScreen) wedge(pen, camera, camera.image_id === hovered?.image_id);
  }, { "aria-label": "Top view of the points and cameras", role: "img" });

  const nearest = (event) => {
    const box = canvas.getBoundingClientRect();
    const distance = (c) => Math.hypot(c.px - (event.clientX - box.left), c.py - (event.clientY - box.top));
    const best = onScreen.reduce((a, b) => (!a || distance(b) < distance(a) ? b : a), null);
    return best && distance(best) < 16 ? best : null;
  };
  const hover = (event) => {
    const found = nearest(event);
    const isOther = found?.image_id !== hovered?.image_id;
    hovered = found;
    if (isOther) redraw();
    canvas.style.cursor = found ? "pointer" : "grab";
    showTooltip(event, found ? shown(imageById.get(found.image_id)?.name ?? "") : "");
  };
  let drag = null;
  canvas.addEventListener("pointerdown", (event) => { drag = { x: event.clientX, y: event.clientY, moved: false }; });
  canvas.addEventListener("pointermove", (event) => {
    if (!drag) return hover(event);
    const scale = 0.94 * Math.min(canvas.clientWidth / spanX, canvas.clientHeight / spanY) * look.zoom;
    look.x -= (event.clientX - drag.x) / (spanX * scale);
    look.y -= (event.clientY - drag.y) / (spanY * scale);
    drag = { x: event.clientX, y: event.clientY, moved: drag.moved || Math.hypot(event.movementX, event.movementY) > 2 };
    redraw();
  });
  addEventListener("pointerup", (event) => {
    const found = drag && !drag.moved && event.target === canvas ? nearest(event) : null;
    drag = null;
    if (found) pick(found.image_id);
  });
  canvas.addEventListener("pointerleave", (event) => { hovered = null; hideTooltip(event); redraw(); });
  canvas.addEventListener("wheel", (event) => {
    event.preventDefault();
    look.zoom = Math.max(0.5, Math.min(40, look.zoom * Math.exp(-event.deltaY / 400)));
    redraw();
  }, { passive: false });
  const left = view.num_left_out ? ` ${number(view.num_left_out)} points far outside are not drawn.` : "";
  return card("Scene from above", `${number(points.length / 2)} of ${number(report.statistics.num_points3d)} points and every registered camera. Scroll to zoom, drag to move, click a camera to see its image.${left}`, canvas);
}

// Opening angle and heading of a camera.
function wedge(pen, camera, isHovered) {
  const reach = isHovered ? 26 : 20;
  const heading = Math.atan2(camera.dy, camera.dx);
  const half = camera.half_angle;
  pen.beginPath();
  pen.moveTo(camera.px, camera.py);
  pen.lineTo(camera.px + reach * Math.cos(heading - half), camera.py + reach * Math.sin(heading - half));
  pen.lineTo(camera.px + reach * Math.cos(heading + half), camera.py + reach * Math.sin(heading + half));
  pen.closePath();
  pen.fillStyle = color("camera");
  pen.globalAlpha = isHovered ? 0.55 : 0.25;
  pen.fill();
  pen.globalAlpha = 1;
  pen.strokeStyle = color("camera");
  pen.lineWidth = isHovered ? 2.5 : 1.5;
  pen.stroke();
  pen.beginPath();
  pen.arc(camera.px, camera.py, isHovered ? 4 : 2.6, 0, 7);
  pen.fillStyle = color("camera");
  pen.fill();
}
