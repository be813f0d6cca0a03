#!/usr/bin/env python3
"""Makes the pictures and documents of the example shop, next to this file.

They are drawn here, from nothing but the standard library, so the project owns them. The same program
gives the same bytes on every machine with the same zlib; the outputs are committed, so nobody has to run it.
"""
import array
import math
import pathlib
import random
import struct
import zlib

HERE = pathlib.Path(__file__).resolve().parent
WIDTH, HEIGHT = 320, 240


# --- Colours ---------------------------------------------------------------------------------------

def rgb(text):
    return tuple(int(text[i:i + 2], 16) / 255 for i in (0, 2, 4))


def mix(a, b, t):
    return tuple(x + (y - x) * t for x, y in zip(a, b))


def down(top, bottom):
    """A gradient from the top of a shape to its bottom."""
    a, b = rgb(top), rgb(bottom)
    return lambda u, v: mix(a, b, v)


def round_body(dark, light):
    """A gradient that makes an upright body look round, lit from the left."""
    a, b = rgb(dark), rgb(light)
    return lambda u, v: mix(a, b, math.exp(-((u - 0.32) / 0.33) ** 2))


# --- Shapes: the distance of a point to the edge, negative inside -----------------------------------

def box(cx, cy, w, h, r=0.0):
    def distance(x, y):
        qx, qy = abs(x - cx) - w / 2 + r, abs(y - cy) - h / 2 + r
        return math.hypot(max(qx, 0), max(qy, 0)) + min(max(qx, qy), 0) - r
    return distance, (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)


def ellipse(cx, cy, rx, ry, turn=0.0):
    cos, sin = math.cos(turn), math.sin(turn)

    def distance(x, y):
        px, py = x - cx, y - cy
        px, py = px * cos + py * sin, py * cos - px * sin
        k = math.hypot(px / rx, py / ry)
        slope = math.hypot(px / rx ** 2, py / ry ** 2)
        return k * (k - 1) / slope if slope else -min(rx, ry)
    reach = max(rx, ry)
    return distance, (cx - reach, cy - reach, cx + reach, cy + reach)


def line(x0, y0, x1, y1, r):
    dx, dy = x1 - x0, y1 - y0
    length = dx * dx + dy * dy

    def distance(x, y):
        t = min(1.0, max(0.0, ((x - x0) * dx + (y - y0) * dy) / length))
        return math.hypot(x - x0 - t * dx, y - y0 - t * dy) - r
    return distance, (min(x0, x1) - r, min(y0, y1) - r, max(x0, x1) + r, max(y0, y1) + r)


def polygon(points, r=0.0):
    def distance(x, y):
        best, inside = math.inf, False
        for (ax, ay), (bx, by) in zip(points, points[1:] + points[:1]):
            ex, ey, wx, wy = bx - ax, by - ay, x - ax, y - ay
            t = min(1.0, max(0.0, (wx * ex + wy * ey) / (ex * ex + ey * ey)))
            best = min(best, math.hypot(wx - t * ex, wy - t * ey))
            if (ay > y) != (by > y) and x < ex * (y - ay) / ey + ax:
                inside = not inside
        return (-best if inside else best) - r
    xs, ys = [p[0] for p in points], [p[1] for p in points]
    return distance, (min(xs) - r, min(ys) - r, max(xs) + r, max(ys) + r)


def ring(shape, width):
    distance, (x0, y0, x1, y1) = shape
    return (lambda x, y: abs(distance(x, y)) - width / 2), (x0 - width, y0 - width, x1 + width, y1 + width)


def within(shape, frame):
    """The part of a shape that lies in a frame."""
    (a, bounds), (b, _) = shape, frame
    return (lambda x, y: max(a(x, y), b(x, y))), bounds


# --- Canvas ----------------------------------------------------------------------------------------

class Canvas:
    def __init__(self, top, bottom, width=WIDTH, height=HEIGHT):
        self.width, self.height = width, height
        self.place()
        self.pixels = array.array("d", bytes(8 * 3 * width * height))
        for y in range(height):
            row = array.array("d", mix(rgb(top), rgb(bottom), y / (height - 1)))
            self.pixels[3 * y * width:3 * (y + 1) * width] = row * width

    def place(self, x=0.0, y=0.0, scale=1.0):
        """What is drawn from now on is scaled and moved there."""
        self.x, self.y, self.scale = x, y, scale
        return self

    def draw(self, shape, paint, alpha=1.0, soft=1.0):
        """Paints a shape. A soft edge is `soft` units wide; `paint` is a hex colour or a function of the
        place within the shape's bounds."""
        distance, (x0, y0, x1, y1) = shape
        colour = rgb(paint) if isinstance(paint, str) else None
        scale, pixels = self.scale, self.pixels
        edge = max(soft, 1 / scale)
        for py in range(max(0, int(self.y + (y0 - edge) * scale)),
                        min(self.height, math.ceil(self.y + (y1 + edge) * scale) + 1)):
            y = (py + 0.5 - self.y) / scale
            for px in range(max(0, int(self.x + (x0 - edge) * scale)),
                            min(self.width, math.ceil(self.x + (x1 + edge) * scale) + 1)):
                x = (px + 0.5 - self.x) / scale
                cover = 0.5 - distance(x, y) / edge
                if cover <= 0:
                    continue
                cover = min(1.0, cover)
                if soft > 1:
                    cover *= cover * (3 - 2 * cover)
                cover *= alpha
                u = min(1.0, max(0.0, (x - x0) / (x1 - x0)))
                v = min(1.0, max(0.0, (y - y0) / (y1 - y0)))
                ink = colour or paint(u, v)
                at = 3 * (py * self.width + px)
                for i in range(3):
                    pixels[at + i] += (ink[i] - pixels[at + i]) * cover

    def grain(self, amount, seed):
        """Adds the noise of a camera, which no compression removes: such pictures are large files."""
        chance = random.Random(seed)
        for at in range(0, len(self.pixels), 3):
            shift = (chance.random() - 0.5) * amount
            for i in range(3):
                self.pixels[at + i] += shift + (chance.random() - 0.5) * amount * 0.4

    def png(self):
        values = bytes(min(255, max(0, round(255 * v))) for v in self.pixels)
        stride, rows, above = 3 * self.width, [], bytes(3 * self.width)
        for y in range(self.height):
            row = values[y * stride:(y + 1) * stride]
            left = bytes(3) + row[:-3]
            filters = [(1, bytes((a - b) & 255 for a, b in zip(row, left))),
                       (2, bytes((a - b) & 255 for a, b in zip(row, above)))]
            kind, line_bytes = min(filters, key=lambda f: sum(min(b, 256 - b) for b in f[1]))
            rows.append(bytes([kind]) + line_bytes)
            above = row

        def chunk(name, body):
            return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        header = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) +
                chunk(b"IDAT", zlib.compress(b"".join(rows), 9)) + chunk(b"IEND", b""))


# --- Things: each stands on (0, 0) and is about 150 units wide --------------------------------------

def shadow(c, width):
    c.draw(ellipse(0, 0, width / 2, width / 14), "20242c", alpha=0.55, soft=width / 6)


def laptop(c, sky=("2b5fb3", "8fd3e8")):
    shadow(c, 190)
    c.draw(box(0, -63, 150, 100, 7), down("3a404b", "23272f"))
    screen = box(0, -64, 138, 86, 3)
    c.draw(screen, down(*sky))
    c.draw(within(ellipse(34, -84, 11, 11), screen), "fff3c9")
    c.draw(within(ellipse(-40, -10, 74, 38), screen), down("3f9a8c", "1f5d63"))
    c.draw(within(ellipse(46, -8, 66, 30), screen), down("5cb87a", "2c7a5c"))
    c.draw(within(polygon([(-69, -107), (-20, -107), (-52, -21), (-69, -21)]), screen), "ffffff", alpha=0.10)
    c.draw(polygon([(-76, -12), (76, -12), (92, -3), (-92, -3)], 2), down("d9dde3", "aab1bc"))
    c.draw(polygon([(-62, -10), (62, -10), (68, -6), (-68, -6)], 0.5), "6d7582")
    c.draw(box(0, -1.2, 188, 4.5, 2.2), down("9aa2ae", "717986"))
    c.draw(box(0, -2.2, 30, 2.4, 1.2), "5d6570")


def keyboard(c):
    """A laptop seen from above."""
    c.draw(box(0, 6, 256, 176, 12), "20242c", alpha=0.4, soft=26)
    c.draw(box(0, 0, 250, 168, 10), down("dfe3e9", "b9c0ca"))
    c.draw(box(0, -28, 230, 86, 5), "2b3038")
    for row in range(5):
        for column in range(14):
            x, y = -103.5 + column * 15.9, -60 + row * 16
            if row == 4 and 4 <= column <= 8:
                continue
            c.draw(box(x, y, 13, 13, 2.5), down("555d69", "434a55"))
            c.draw(box(x, y - 2, 3.4, 2.2, 1), "c9d2de", alpha=0.8)
    c.draw(box(-8, 4, 77, 13, 2.5), down("555d69", "434a55"))
    c.draw(box(0, 49, 92, 54, 6), "8f98a5", alpha=0.9)
    c.draw(box(0, 49, 90, 52, 5), down("d3d8df", "c3cad3"))


def mug(c, dark, light, mark):
    shadow(c, 96)
    c.draw(ring(ellipse(44, -42, 19, 23), 9), dark)
    c.draw(ring(ellipse(43, -43, 19, 23), 4), light, alpha=0.5)
    c.draw(within(box(0, -44, 80, 92, 14), box(0, -40, 90, 84)), round_body(dark, light))
    c.draw(ellipse(0, -81, 40, 9), light)
    c.draw(ellipse(0, -81, 36, 7), down("2a1a12", "6b4128"))
    c.draw(ring(ellipse(-4, -38, 15, 15), 4), mark, alpha=0.92)
    c.draw(ellipse(-4, -38, 7, 7), mark, alpha=0.92)
    for x, lean in ((-13, 5), (2, -5), (16, 6)):
        for step in range(12):
            y = -94 - step * 4.2
            c.draw(ellipse(x + lean * math.sin(step * 0.6), y, 4.2, 4.2), "ffffff",
                   alpha=0.16 * (1 - step / 13), soft=5)


def lamp(c, shade="e0633f", glow=True):
    shadow(c, 110)
    if glow:
        c.draw(ellipse(46, -96, 92, 92), "fff0b8", alpha=0.55, soft=120)
        c.draw(polygon([(22, -113), (66, -86), (100, -2), (-24, -2)]), "ffedb0", alpha=0.30, soft=14)
    c.draw(ellipse(-22, -4, 34, 8), down("4d5663", "2a2f38"))
    c.draw(ellipse(-22, -7, 34, 7), down("707b8a", "4a525e"))
    c.draw(line(-22, -9, -42, -80, 2.8), "5d6775")
    c.draw(line(-42, -80, 24, -130, 2.8), "5d6775")
    c.draw(ellipse(-42, -80, 6, 6), "39404a")
    c.draw(ellipse(44, -98, 12, 12), "fff8dc")
    c.draw(polygon([(22, -142), (36, -132), (72, -84), (18, -116)], 4), down(shade, "a83c22"))
    c.draw(line(27, -134, 24, -119, 1.6), "ffffff", alpha=0.5, soft=3)
    c.draw(ellipse(24, -131, 6, 6), "39404a")


def chair(c, cloth=("4fa3a5", "2c6f78")):
    shadow(c, 130)
    for x0, x1 in ((-36, -50), (36, 50)):
        c.draw(line(x0 * 0.8, -50, x1 * 0.8, -10, 2.8), "7a5230")
    for x0, x1 in ((-42, -56), (42, 56)):
        c.draw(line(x0, -54, x1, -2, 3.4), "b07a48")
    c.draw(polygon([(-36, -142), (36, -142), (42, -74), (-42, -74)], 12), down(*cloth))
    for x in (-20, 0, 20):
        c.draw(line(x * 0.9, -140, x, -80, 0.8), "1f5560", alpha=0.5, soft=2)
    c.draw(polygon([(-40, -74), (40, -74), (52, -58), (-52, -58)], 9), down("63bcbc", cloth[1]))
    c.draw(box(0, -49, 118, 6, 3), "235861")
    c.draw(line(-46, -142, -54, -78, 4), "b07a48")
    c.draw(line(46, -142, 54, -78, 4), "b07a48")


def plant(c, pot=("d98a5b", "9a5230")):
    shadow(c, 90)
    leaves = [(-68, 62, 1.05), (-44, 84, 0.62), (-20, 96, 0.28), (2, 104, 0.0),
              (24, 96, -0.30), (46, 82, -0.64), (68, 60, -1.05), (-30, 58, 0.75), (32, 58, -0.75)]
    for index, (x, height, turn) in enumerate(leaves):
        tip_x, tip_y = x, -52 - height
        middle_x, middle_y = x * 0.62, -52 - height * 0.62
        c.draw(line(0, -54, middle_x, middle_y, 1.4), "2d6b3c")
        green = (("63c26f", "1f7a45"), ("7fd07a", "2f8f50"), ("4fae66", "19653c"))[index % 3]
        c.draw(ellipse((tip_x + middle_x) / 2, (tip_y + middle_y) / 2, 10.5, 27, -turn), down(*green))
        c.draw(line(middle_x, middle_y, tip_x * 0.94, tip_y * 0.985, 0.6), "d6f2c8", alpha=0.6, soft=1.5)
    c.draw(polygon([(-30, -52), (30, -52), (22, -4), (-22, -4)], 3), round_body(pot[1], pot[0]))
    c.draw(box(0, -54, 72, 13, 3), round_body(pot[1], pot[0]))
    c.draw(box(0, -47, 62, 2, 1), "5d2c17", alpha=0.35, soft=4)


# --- Pictures --------------------------------------------------------------------------------------

def alone(thing, top, bottom, x=160, y=200, scale=1.0, **options):
    c = Canvas(top, bottom)
    c.draw(ellipse(160, 250, 230, 70), "ffffff", alpha=0.35, soft=60)
    thing(c.place(x, y, scale), **options)
    return c


def desk(seed):
    """A room with a wooden desk, as a camera sees it."""
    c = Canvas("e9dfd2", "cdbfae")
    c.draw(box(236, 62, 112, 92, 4), "f7f4ee")
    c.draw(box(236, 62, 102, 82, 2), down("8cc4e6", "dff1f5"))
    c.draw(box(236, 62, 3, 82), "f7f4ee")
    c.draw(box(160, 214, 330, 86), down("b9814f", "80502b"))
    chance = random.Random(seed)
    for _ in range(46):
        y = 172 + chance.random() * 68
        x = chance.random() * 320
        c.draw(line(x - 60 * chance.random() - 20, y, x + 70 * chance.random() + 20, y + chance.random() * 2, 0.5),
               "5f3a1d", alpha=0.35, soft=1.6)
    c.draw(box(160, 172, 330, 2), "e2b583", alpha=0.7)
    return c


def workplace():
    c = desk(7)
    lamp(c.place(64, 200, 0.92))
    laptop(c.place(182, 206, 0.86))
    plant(c.place(276, 192, 0.56))
    mug(c.place(106, 222, 0.40), "274b8f", "7fa8e8", "ffffff")
    c.grain(0.035, 1)
    return c


def corner():
    c = desk(11)
    chair(c.place(92, 226, 1.05))
    plant(c.place(228, 214, 1.05), pot=("e8e4da", "a9a294"))
    c.grain(0.035, 2)
    return c


PICTURES = {
    "laptop-front.png": lambda: alone(laptop, "f3f6fb", "d4deec", scale=1.45, y=196),
    "laptop-keyboard.png": lambda: alone(keyboard, "e8ecf2", "c9d2de", y=120, scale=1.05),
    "laptop-night.png": lambda: alone(laptop, "2a3145", "4b5573", scale=1.45, y=196, sky=("1a1d4e", "c2598f")),
    "mug-blue.png": lambda: alone(mug, "eef4fa", "cfdff0", scale=1.45, y=196, dark="1f478f", light="7fb0f0", mark="f4f7ff"),
    "mug-red.png": lambda: alone(mug, "fbf0ec", "f0d3c8", scale=1.45, y=196, dark="9c2f2a", light="f08a72", mark="fff4e8"),
    "lamp.png": lambda: alone(lamp, "3c4356", "6a6f80", scale=1.25, x=140, y=206),
    "chair.png": lambda: alone(chair, "f4efe6", "e0d4c2", scale=1.25, y=210),
    "plant.png": lambda: alone(plant, "f0f6ec", "d3e5cf", scale=1.22, y=214),
    "workplace.png": workplace,
    "corner.png": corner,
}
# The same bytes under another name, as shops have them: they are stored once.
COPIES = {"laptop-press.png": "laptop-front.png"}


# --- Documents -------------------------------------------------------------------------------------

def pdf(title, pages):
    """A PDF with one font and a coloured band; `pages` are lists of lines."""
    def escaped(text):
        return text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")

    objects = ["<< /Type /Catalog /Pages 2 0 R >>", None,
               "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"]
    kids = []
    for number, lines in enumerate(pages, 1):
        text = ["0.17 0.37 0.70 rg 0 780 595 62 re f", "BT /F1 22 Tf 1 1 1 rg 48 802 Td (%s) Tj ET" % escaped(title),
                "BT /F1 12 Tf 0.13 0.14 0.17 rg 48 740 Td 18 TL"]
        text += ["(%s) Tj T*" % escaped(entry) for entry in lines]
        text += ["ET", "BT /F1 9 Tf 0.4 g 48 36 Td (Example shop, page %d of %d) Tj ET" % (number, len(pages))]
        stream = "\n".join(text)
        objects.append("<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
        objects.append("<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
                       "/Resources << /Font << /F1 3 0 R >> >> >>" % len(objects))
        kids.append("%d 0 R" % len(objects))
    objects[1] = "<< /Type /Pages /Count %d /Kids [%s] >>" % (len(kids), " ".join(kids))
    objects.append("<< /Title (%s) /Creator (make_media.py) >>" % escaped(title))

    out, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += ("%d 0 obj\n%s\nendobj\n" % (number, body)).encode("latin-1")
    start = len(out)
    out += ("xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)).encode()
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += ("trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n"
            % (len(objects) + 1, len(objects), start)).encode()
    return out


DOCUMENTS = {
    "laptop-manual.pdf": ("Laptop: manual", [
        ["1. Getting started", "", "Open the lid. The laptop starts by itself.",
         "Charge it for two hours before you first use it on battery.", "",
         "2. Keyboard", "", "The keys are lit when the room is dark.",
         "Hold Fn and press F5 or F6 to change how bright they are."],
        ["3. Care", "", "Clean the screen with a dry, soft cloth.",
         "Keep mugs at a hand's breadth. Coffee is not covered.", "",
         "4. At the end", "", "Bring it back to us: we take it apart and reuse what can be reused."]]),
    "warranty.pdf": ("Warranty", [
        ["Three years on everything we sell, from the day you receive it.", "",
         "We repair first, replace second and refund third.",
         "Keep this page; the date of purchase is in our log, and the log does not forget.", "",
         "Not covered: coffee, lightning, cats."]]),
    "price-list.pdf": ("Price list", [
        ["Laptop ............ 999.00", "Mug ............... 12.50", "Desk lamp ......... 79.00",
         "Chair ............. 189.00", "Plant ............. 24.90", "", "Prices include tax and delivery."]]),
}


def main():
    for name, picture in PICTURES.items():
        (HERE / name).write_bytes(picture().png())
    for name, source in COPIES.items():
        (HERE / name).write_bytes((HERE / source).read_bytes())
    for name, (title, pages) in DOCUMENTS.items():
        (HERE / name).write_bytes(pdf(title, pages))


if __name__ == "__main__":
    main()
