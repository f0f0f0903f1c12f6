/* SPDX-License-Identifier: Apache-2.0 */
#include "planner/picture.h"

#include <string.h>

#include "planner/report.h"

enum {
	WIDTH = 920,
	MARGIN = 10,
	STRIP = 136,             /* a GPU */
	STRIP_HEIGHT = 8,
	STRIP_STEP = 10,
	BLOCK = 150,             /* a host */
	BLOCKS = (WIDTH - 2 * MARGIN) / BLOCK,
	HEAD = 14,               /* name of a host */
	COLOURS = 10,
	CURVE_LEFT = 44,
	CURVE_HEIGHT = 150,
};

const char picture_style[] =
	"svg{font:11px system-ui,sans-serif}"
	".ink{fill:#1d2327}.dim{fill:#5b6670}.gpu{fill:#e6eaee}.rule{stroke:#c3cad1}"
	".curve{fill:none;stroke-width:2}.c-vms{stroke:#1d6fb8}.c-mem{stroke:#c2571a;"
	"stroke-dasharray:5 3}.t-vms{fill:#1d6fb8}.t-mem{fill:#c2571a}"
	".f0{fill:#7fc8c2}.f1{fill:#4fa8c8}.f2{fill:#3f83c4}.f3{fill:#5b62c4}.f4{fill:#8a56b8}"
	".f5{fill:#b64f9d}.f6{fill:#d2557a}.f7{fill:#e06b4f}.f8{fill:#dd8c35}.f9{fill:#c6a928}"
	"@media (prefers-color-scheme:dark){"
	".ink{fill:#e8ecf0}.dim{fill:#9aa5b0}.gpu{fill:#2a3138}.rule{stroke:#46505a}"
	".c-vms{stroke:#6db3f2}.c-mem{stroke:#f0965a}.t-vms{fill:#6db3f2}.t-mem{fill:#f0965a}}";

void picture_add_size(struct text *to, uint32_t fb_mib)
{
	if (fb_mib < 1024)
		text_add(to, "%u MiB", fb_mib);
	else
		text_add(to, "%u GiB", (fb_mib + 512) / 1024);
}

void picture_add_time(struct text *to, uint64_t ms)
{
	uint64_t minutes = ms / 60000;

	text_add(to, "day %ju, %02ju:%02ju", (uintmax_t)(minutes / 1440 + 1),
		 (uintmax_t)(minutes / 60 % 24), (uintmax_t)(minutes % 60));
}

void picture_add_moment(struct text *to, const struct plan *p)
{
	if (!p->arrivals.timed) {
		text_add(to, "after the last VM");
		return;
	}
	text_add(to, "when most is in use: ");
	picture_add_time(to, p->arrivals.list[p->trial.peak].at_ms);
}

static unsigned int colour(const struct layout *l, uint32_t fb_mib)
{
	size_t last = l->sizes_n > 1 ? l->sizes_n - 1 : 1;

	return (unsigned int)(layout_size(l, fb_mib) * (COLOURS - 1) / last);
}

/* ---- the map ---- */

struct map {
	struct text *to;
	const struct plan *p;
	const struct layout *l;
	uint32_t drawn;          /* GPUs */
	int y;
};

static void add_gpu(const struct map *m, uint32_t gpu, int x, int y)
{
	text_add(m->to, "<rect class=\"gpu\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\"/>\n", x,
		 y, STRIP, STRIP_HEIGHT);
	for (uint32_t i = m->l->first[gpu]; i < m->l->first[gpu + 1]; i++) {
		const struct layout_piece *piece = &m->l->pieces[i];

		text_add(m->to, "<rect class=\"f%u\" x=\"%.1f\" y=\"%d\" width=\"%.1f\" "
			 "height=\"%d\"><title>", colour(m->l, piece->fb_mib),
			 x + piece->from * STRIP, y, (piece->to - piece->from) * STRIP - 0.7,
			 STRIP_HEIGHT);
		picture_add_size(m->to, piece->fb_mib);
		text_add(m->to, ": ");
		text_add_xml(m->to, m->p->needs.rows[piece->need].vm);
		text_add(m->to, "</title></rect>\n");
	}
}

static void add_host(struct map *m, uint32_t host, uint32_t number, int x, int y)
{
	const struct setup *s = &m->p->trial.setup;

	text_add(m->to, "<text class=\"dim\" x=\"%d\" y=\"%d\">", x, y + HEAD - 4);
	text_add_xml(m->to, m->p->fleet.sorts[s->sort_of[host]].name);
	text_add(m->to, "-%u</text>\n", number);
	for (uint32_t g = s->gpu_of[host]; g < s->gpu_of[host + 1]; g++) {
		add_gpu(m, g, x, y + HEAD + STRIP_STEP * (int)(g - s->gpu_of[host]));
		m->drawn++;
	}
}

static void add_sort(struct map *m, size_t sort, uint32_t first)
{
	const struct fleet_sort *from = &m->p->fleet.sorts[sort];
	uint32_t count = m->p->scene.counts[sort], k = 0;
	int height = HEAD + STRIP_STEP * from->gpus_n + 8;

	text_add(m->to, "<text class=\"ink\" x=\"%d\" y=\"%d\">%u host%s of ", MARGIN, m->y + 14,
		 count, count == 1 ? "" : "s");
	plan_add_gpus(m->to, from); /* names of the catalogue: letters, digits, / */
	text_add(m->to, ", %s</text>\n", fleet_mode_word(from->mode));
	m->y += 22;
	for (; k < count && m->drawn + from->gpus_n <= PICTURE_GPUS_MAX; k++)
		add_host(m, first + k, k + 1, MARGIN + BLOCK * (int)(k % BLOCKS),
			 m->y + height * (int)(k / BLOCKS));
	m->y += height * (int)((k + BLOCKS - 1) / BLOCKS);
	if (k < count) {
		text_add(m->to, "<text class=\"ink\" x=\"%d\" y=\"%d\">... and %u more hosts, "
			 "not drawn</text>\n", MARGIN, m->y + 10, count - k);
		m->y += 20;
	}
	m->y += 6;
}

static void add_legend(struct map *m)
{
	int x = MARGIN;

	for (size_t i = 0; i <= m->l->sizes_n; i++, x += 76) {
		if (x + 76 > WIDTH) {
			x = MARGIN;
			m->y += 18;
		}
		if (i < m->l->sizes_n)
			text_add(m->to, "<rect class=\"f%u\"", colour(m->l, m->l->sizes[i]));
		else
			text_add(m->to, "<rect class=\"gpu\"");
		text_add(m->to, " x=\"%d\" y=\"%d\" width=\"12\" height=\"12\"/>"
			 "<text class=\"ink\" x=\"%d\" y=\"%d\">", x, m->y + 2, x + 17, m->y + 12);
		if (i < m->l->sizes_n)
			picture_add_size(m->to, m->l->sizes[i]);
		else
			text_add(m->to, "free");
		text_add(m->to, "</text>\n");
	}
	m->y += 22;
}

/* What the picture says, for who does not see it. */
static void add_words(struct text *to, const struct plan *p, const struct layout *l)
{
	uint32_t gpus = p->trial.gpus_n, empty = 0;
	uint64_t mib = 0;

	for (uint32_t g = 0; g < gpus; g++)
		empty += l->first[g] == l->first[g + 1];
	for (size_t i = 0; i < l->n; i++)
		mib += l->pieces[i].fb_mib;
	text_add(to, "%u GPUs of %u hosts ", gpus, p->trial.setup.hosts_n);
	picture_add_moment(to, p);
	text_add(to, ". %u of them are empty, the others hold %zu vGPUs with %ju GiB.", empty, l->n,
		 (uintmax_t)(mib / 1024));
}

void picture_add_map(struct text *to, const struct plan *p, const struct layout *l)
{
	cleanup(text_done) struct text body = { 0 };
	struct map m = { .to = &body, .p = p, .l = l };
	uint32_t first = 0;

	add_legend(&m);
	for (size_t i = 0; i < p->fleet.sorts_n; first += p->scene.counts[i++])
		if (p->scene.counts[i] > 0)
			add_sort(&m, i, first);
	text_add(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
		 "aria-labelledby=\"map-title map-words\" width=\"%d\" height=\"%d\" "
		 "viewBox=\"0 0 %d %d\">\n<title id=\"map-title\">What lies on each GPU</title>\n"
		 "<desc id=\"map-words\">", WIDTH, m.y, WIDTH, m.y);
	add_words(to, p, l);
	text_add(to, "</desc>\n%s</svg>\n", body.data ? body.data : "");
	to->failed = to->failed || body.failed;
}

/* ---- acceptance over time ---- */

static double curve_x(const struct trial *t, size_t sample)
{
	size_t last = t->samples_n > 1 ? t->samples_n - 1 : 1;

	return CURVE_LEFT + (double)sample * (WIDTH - CURVE_LEFT - MARGIN) / (double)last;
}

static double curve_y(double percent)
{
	return 8 + (100 - percent) * CURVE_HEIGHT / 100;
}

static double value_of(const struct trial *t, size_t sample, bool memory)
{
	const struct trial_sample *s = &t->samples[sample];

	if (memory)
		return plan_percent(s->fb_mib, t->fb_total_mib ? t->fb_total_mib : 1);
	return plan_percent(s->accepted, s->asked);
}

static void add_line(struct text *to, const struct trial *t, const char *klass, bool memory)
{
	text_add(to, "<polyline class=\"curve %s\" points=\"", klass);
	for (size_t i = 0; i < t->samples_n; i++)
		text_add(to, "%s%.1f,%.1f", i ? " " : "", curve_x(t, i),
			 curve_y(value_of(t, i, memory)));
	text_add(to, "\"/>\n");
}

static void add_axes(struct text *to)
{
	for (int percent = 0; percent <= 100; percent += 25)
		text_add(to, "<line class=\"rule\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
			 "<text class=\"dim\" text-anchor=\"end\" x=\"%d\" y=\"%.1f\">%d %%"
			 "</text>\n",
			 CURVE_LEFT, WIDTH - MARGIN, curve_y(percent), curve_y(percent),
			 CURVE_LEFT - 6, curve_y(percent) + 4, percent);
}

static void add_labels(struct text *to, const struct plan *p)
{
	const struct trial *t = &p->trial;
	int y = CURVE_HEIGHT + 24;

	text_add(to, "<text class=\"dim\" x=\"%d\" y=\"%d\">", CURVE_LEFT, y);
	if (p->arrivals.timed)
		picture_add_time(to, p->arrivals.list[0].at_ms);
	else
		text_add(to, "the first VM");
	text_add(to, "</text>\n<text class=\"dim\" text-anchor=\"end\" x=\"%d\" y=\"%d\">",
		 WIDTH - MARGIN, y);
	if (p->arrivals.timed)
		picture_add_time(to, p->arrivals.list[p->arrivals.n - 1].at_ms);
	else
		text_add(to, "VM %u", t->asked);
	text_add(to, "</text>\n<text class=\"t-vms\" x=\"%d\" y=\"%d\">VMs that found a place, of "
		 "those so far</text>\n<text class=\"t-mem\" x=\"%d\" y=\"%d\">GPU memory in use "
		 "(dashed)</text>\n", CURVE_LEFT + 220, y, CURVE_LEFT + 480, y);
}

void picture_add_curve(struct text *to, const struct plan *p)
{
	const struct trial *t = &p->trial;
	int height = CURVE_HEIGHT + 32;

	text_add(to, "<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" "
		 "aria-labelledby=\"curve-title curve-words\" width=\"%d\" height=\"%d\" "
		 "viewBox=\"0 0 %d %d\">\n<title id=\"curve-title\">Acceptance over %s</title>\n"
		 "<desc id=\"curve-words\">In the end %.2f %% of %u VMs found a place; at most "
		 "%.2f %% of the GPU memory was in use.</desc>\n", WIDTH, height, WIDTH, height,
		 p->arrivals.timed ? "time" : "the VMs as they come",
		 plan_percent(t->accepted, t->asked), t->asked,
		 plan_percent(t->fb_peak_mib, t->fb_total_mib ? t->fb_total_mib : 1));
	add_axes(to);
	add_line(to, t, "c-mem", true);
	add_line(to, t, "c-vms", false);
	add_labels(to, p);
	text_add(to, "</svg>\n");
}

/* ---- a file of its own ---- */

/* Height of a picture that was just drawn: pictures know it only in the end. */
static int height_of(const char *svg)
{
	const char *at = svg ? strstr(svg, "height=\"") : NULL;

	return at ? atoi(at + 8) : 0;
}

static void add_part(struct text *to, const char *svg, int y)
{
	const char *rest = svg ? svg + strlen("<svg") : "";

	text_add(to, "<svg y=\"%d\"%s", y, rest);
}

int picture_make(const struct plan *p, struct text *ret, struct error *err)
{
	cleanup(layout_done) struct layout l = { 0 };
	cleanup(text_done) struct text map = { 0 }, curve = { 0 };
	int r = layout_make(p, &l, err), height;

	if (r < 0)
		return r;
	picture_add_map(&map, p, &l);
	picture_add_curve(&curve, p);
	height = 34 + height_of(map.data) + height_of(curve.data);
	text_add(ret, "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		 "viewBox=\"0 0 %d %d\">\n<style>%s</style>\n<text class=\"ink\" x=\"%d\" y=\"20\" "
		 "font-size=\"14\">", WIDTH, height, WIDTH, height, picture_style, MARGIN);
	text_add(ret, "%u of %u VMs find a place; the GPUs ", p->trial.accepted, p->trial.asked);
	picture_add_moment(ret, p);
	text_add(ret, "</text>\n");
	add_part(ret, map.data, 34);
	add_part(ret, curve.data, 34 + height_of(map.data));
	text_add(ret, "</svg>\n");
	if (ret->failed || map.failed || curve.failed)
		return error_set(err, ERR_NO_MEMORY, "the picture of a plan");
	return 0;
}
