// What every section of the report uses.

const { report } = page;
const imageById = new Map(report.images.map((image) => [image.image_id, image]));
