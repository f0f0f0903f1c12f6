/* SPDX-License-Identifier: Apache-2.0
 *
 * nano.c - a virtual machine's inside with no operating system in it.
 *
 * The lab emulates machines within an emulated machine; a Linux guest needs half a minute there,
 * this one two seconds.  It looks at its PCI bus the way a driver would, reads what its vGPU says
 * of itself, then counts at 20 Hz, together with a counter that the vGPU keeps.  Everything is
 * said on the first serial port, one line a fact, each beginning with "NANO":
 *
 *     NANO start
 *     NANO pci 00:02.0 10de:2235 subsys 10de:14d5 class 030000
 *     NANO vgpu 00:02.0 type=557 placement=0 counter=0 fb=8192
 *     NANO tick 20 00:02.0=20            every second; what the counter of each vGPU said
 *     NANO lost 00:02.0 want=21 got=0    the vGPU forgot: its state was not moved along
 *     NANO plug 00:03.0  NANO eject 00:03.0  NANO power button  NANO off
 *
 * It obeys the ACPI power button and PCI hot plug of QEMU's "pc" machine, by polling the
 * registers behind them: there is no AML interpreter here, and none is needed.
 */
#include <stdbool.h>
#include <stdint.h>

enum {
	COM1 = 0x3f8,
	PIC1 = 0x20,
	PIC2 = 0xa0,
	PIT = 0x40,
	PCI_ADDRESS = 0xcf8,
	PCI_DATA = 0xcfc,
	/* QEMU, docs/specs/acpi_pci_hotplug: bitmaps of slots of the selected bus */
	HOTPLUG_UP = 0xae00,
	HOTPLUG_DOWN = 0xae04,
	HOTPLUG_EJECT = 0xae08,
	HOTPLUG_SELECT = 0xae10,

	HZ = 20,
	PIT_INPUT_HZ = 1193182,
	TIMER_VECTOR = 0x20,

	VENDOR_NVIDIA = 0x10de,
	COMMAND_MEMORY_AND_MASTER = 6,
	POWER_BUTTON = 0x100,
	SLEEP_S5 = 0x2000,

	/* Where hot-plugged devices go: QEMU's hole below 4 GiB, far from what the BIOS uses. */
	HOT_WINDOW = 0xd0000000,
	HOT_WINDOW_STEP = 0x01000000,

	MAX_VGPUS = 16,
};

/* What the simulated vGPU shows in the first words of BAR 0; lab/module has the other side. */
enum vgpu_word {
	WORD_MAGIC = 0,
	WORD_TYPE = 2,
	WORD_PLACEMENT = 3,
	WORD_COUNTER = 4, /* grows by one at each write, whatever is written */
	WORD_FB_MIB = 6,
};
#define VGPU_MAGIC 0x4d495346u /* "FSIM", little endian */

struct start_info {
	uint32_t magic, version, flags, modules;
	uint64_t modlist, cmdline, rsdp;
};

struct vgpu {
	uint32_t address; /* bus << 8 | device << 3 | function */
	volatile uint32_t *bar;
	uint32_t counter;
};

struct gate {
	uint16_t low, selector, flags, high;
};

struct __attribute__((packed)) table_pointer {
	uint16_t limit;
	uint32_t base;
};

volatile uint32_t timer_ticks;
void timer_entry(void);
void spurious_entry(void);
void nano_main(const struct start_info *info);

static struct gate gates[48];
static struct vgpu vgpus[MAX_VGPUS];
static unsigned int vgpu_count;
static uint16_t pm_base;
static uint32_t hot_next = HOT_WINDOW;

/* --- ports ------------------------------------------------------------------------------- */

static void out8(uint16_t port, uint8_t value)
{
	__asm__ volatile("outb %0, %1" : : "a"(value), "Nd"(port));
}

static void out16(uint16_t port, uint16_t value)
{
	__asm__ volatile("outw %0, %1" : : "a"(value), "Nd"(port));
}

static void out32(uint16_t port, uint32_t value)
{
	__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

static uint8_t in8(uint16_t port)
{
	uint8_t value;

	__asm__ volatile("inb %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint16_t in16(uint16_t port)
{
	uint16_t value;

	__asm__ volatile("inw %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

static uint32_t in32(uint16_t port)
{
	uint32_t value;

	__asm__ volatile("inl %1, %0" : "=a"(value) : "Nd"(port));
	return value;
}

/* --- serial line ------------------------------------------------------------------------- */

static void put_char(char c)
{
	/* A port that never gets ready must not stop the clock. */
	for (unsigned int n = 0; n < 100000 && !(in8(COM1 + 5) & 0x20); n++)
		;
	out8(COM1, (uint8_t)c);
}

static void put(const char *text)
{
	for (; *text; text++)
		put_char(*text);
}

static void put_hex(uint32_t value, unsigned int digits)
{
	while (digits-- > 0)
		put_char("0123456789abcdef"[value >> (4 * digits) & 15]);
}

static void put_number(uint32_t value)
{
	char text[11];
	unsigned int i = sizeof(text) - 1;

	text[i] = '\0';
	do {
		text[--i] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	put(text + i);
}

static void put_address(uint32_t address)
{
	put_hex(address >> 8, 2);
	put_char(':');
	put_hex(address >> 3 & 31, 2);
	put_char('.');
	put_hex(address & 7, 1);
}

static void serial_setup(void)
{
	out8(COM1 + 1, 0);    /* no interrupts */
	out8(COM1 + 3, 0x80); /* divisor: 115200 baud */
	out8(COM1 + 0, 1);
	out8(COM1 + 1, 0);
	out8(COM1 + 3, 0x03); /* 8N1 */
	out8(COM1 + 2, 0x07);
}

/* --- PCI --------------------------------------------------------------------------------- */

static uint32_t pci_read(uint32_t address, uint32_t offset)
{
	out32(PCI_ADDRESS, 0x80000000u | address << 8 | (offset & 0xfc));
	return in32(PCI_DATA);
}

static void pci_write(uint32_t address, uint32_t offset, uint32_t value)
{
	out32(PCI_ADDRESS, 0x80000000u | address << 8 | (offset & 0xfc));
	out32(PCI_DATA, value);
}

static bool pci_present(uint32_t address)
{
	return (pci_read(address, 0) & 0xffff) != 0xffff;
}

/* Adds the vGPU at ADDRESS to those that are read at every tick. */
static void vgpu_found(uint32_t address)
{
	uint32_t bar = pci_read(address, 0x10), high = 0;
	struct vgpu *v = &vgpus[vgpu_count];

	if ((bar & 6) == 4)
		high = pci_read(address, 0x14);
	put("NANO vgpu ");
	put_address(address);
	if (vgpu_count == MAX_VGPUS || (bar & 1) || !(bar & ~15u) || high) {
		put(" unreachable\n");
		return;
	}
	pci_write(address, 4, pci_read(address, 4) | COMMAND_MEMORY_AND_MASTER);
	v->address = address;
	v->bar = (volatile uint32_t *)(uintptr_t)(bar & ~15u);
	if (v->bar[WORD_MAGIC] != VGPU_MAGIC) {
		put(" magic=");
		put_hex(v->bar[WORD_MAGIC], 8);
		put_char('\n');
		return;
	}
	v->counter = v->bar[WORD_COUNTER];
	vgpu_count++;
	put(" type=");
	put_number(v->bar[WORD_TYPE]);
	put(" placement=");
	put_number(v->bar[WORD_PLACEMENT]);
	put(" counter=");
	put_number(v->counter);
	put(" fb=");
	put_number(v->bar[WORD_FB_MIB]);
	put_char('\n');
}

static void vgpu_forget(uint32_t address)
{
	for (unsigned int i = 0; i < vgpu_count; i++)
		if (vgpus[i].address == address)
			vgpus[i--] = vgpus[--vgpu_count];
}

static void pci_show(uint32_t address)
{
	uint32_t id = pci_read(address, 0), subsystem = pci_read(address, 0x2c);

	put("NANO pci ");
	put_address(address);
	put_char(' ');
	put_hex(id & 0xffff, 4);
	put_char(':');
	put_hex(id >> 16, 4);
	put(" subsys ");
	put_hex(subsystem & 0xffff, 4);
	put_char(':');
	put_hex(subsystem >> 16, 4);
	put(" class ");
	put_hex(pci_read(address, 8) >> 8, 6);
	put_char('\n');
	if ((id & 0xffff) == VENDOR_NVIDIA)
		vgpu_found(address);
	/* The power management registers: PIIX4's function 3 or ICH9's LPC bridge. */
	if (id == 0x71138086)
		pm_base = (uint16_t)(pci_read(address, 0x40) & 0xffc0);
	if (id == 0x29188086)
		pm_base = (uint16_t)(pci_read(address, 0x40) & 0xff80);
}

static void pci_scan_bus(uint32_t bus);

static void pci_scan_slot(uint32_t slot)
{
	uint32_t header = pci_read(slot, 0x0c) >> 16 & 0xff;
	uint32_t functions = header & 0x80 ? 8 : 1;

	for (uint32_t f = 0; f < functions; f++) {
		uint32_t secondary;

		if (!pci_present(slot + f))
			continue;
		pci_show(slot + f);
		if ((pci_read(slot + f, 0x0c) >> 16 & 0x7f) != 1)
			continue;
		secondary = pci_read(slot + f, 0x18) >> 8 & 0xff;
		/* Bus numbers grow away from the root, which also ends the recursion. */
		if (secondary > slot >> 8)
			pci_scan_bus(secondary);
	}
}

static void pci_scan_bus(uint32_t bus)
{
	for (uint32_t device = 0; device < 32; device++) {
		uint32_t slot = bus << 8 | device << 3;

		if (pci_present(slot))
			pci_scan_slot(slot);
	}
}

/* --- hot plug ---------------------------------------------------------------------------- */

/* Gives the memory BARs of a device that came after the BIOS a place each. */
static void pci_assign(uint32_t address)
{
	for (uint32_t offset = 0x10; offset < 0x28; offset += 4) {
		uint32_t size, kind = pci_read(address, offset);

		pci_write(address, offset, 0xffffffff);
		size = ~(pci_read(address, offset) & ~15u) + 1;
		if (size == 0 || kind & 1)
			continue;
		if (size < HOT_WINDOW_STEP)
			size = HOT_WINDOW_STEP;
		hot_next = (hot_next + size - 1) & ~(size - 1);
		pci_write(address, offset, hot_next);
		hot_next += size;
		if ((kind & 6) == 4) {
			offset += 4;
			pci_write(address, offset, 0);
		}
	}
}

static void hotplug_poll(void)
{
	uint32_t up, down;

	out32(HOTPLUG_SELECT, 0);
	up = in32(HOTPLUG_UP);
	down = in32(HOTPLUG_DOWN);
	/* A machine without these registers reads all ones. */
	if (up == 0xffffffff || down == 0xffffffff)
		return;
	for (uint32_t device = 0; device < 32; device++) {
		uint32_t slot = device << 3;

		if (down >> device & 1) {
			put("NANO eject ");
			put_address(slot);
			put_char('\n');
			vgpu_forget(slot);
			out32(HOTPLUG_EJECT, 1u << device);
		} else if (up >> device & 1 && pci_present(slot)) {
			put("NANO plug ");
			put_address(slot);
			put_char('\n');
			pci_assign(slot);
			pci_scan_slot(slot);
		}
	}
}

/* --- time and power ---------------------------------------------------------------------- */

static void gate_set(unsigned int vector, void (*entry)(void))
{
	uint32_t at = (uint32_t)(uintptr_t)entry;

	gates[vector] = (struct gate){ (uint16_t)at, 0x08, 0x8e00, (uint16_t)(at >> 16) };
}

static void timer_setup(void)
{
	struct table_pointer table = { sizeof(gates) - 1, (uint32_t)(uintptr_t)gates };
	uint16_t divisor = PIT_INPUT_HZ / HZ;

	for (unsigned int i = TIMER_VECTOR; i < sizeof(gates) / sizeof(gates[0]); i++)
		gate_set(i, spurious_entry);
	gate_set(TIMER_VECTOR, timer_entry);
	__asm__ volatile("lidt %0" : : "m"(table));

	out8(PIC1, 0x11);
	out8(PIC2, 0x11);
	out8(PIC1 + 1, TIMER_VECTOR);
	out8(PIC2 + 1, TIMER_VECTOR + 8);
	out8(PIC1 + 1, 4);
	out8(PIC2 + 1, 2);
	out8(PIC1 + 1, 1);
	out8(PIC2 + 1, 1);
	out8(PIC1 + 1, 0xfe); /* the timer alone */
	out8(PIC2 + 1, 0xff);

	out8(PIT + 3, 0x34); /* channel 0, rate generator */
	out8(PIT, (uint8_t)divisor);
	out8(PIT, (uint8_t)(divisor >> 8));
	__asm__ volatile("sti");
}

static void power_off(void)
{
	put("NANO off\n");
	out16((uint16_t)(pm_base + 4), SLEEP_S5);
}

/* QEMU raises the button only for a machine that has enabled its event. */
static void button_setup(void)
{
	if (pm_base)
		out16((uint16_t)(pm_base + 2), POWER_BUTTON);
}

static void button_poll(void)
{
	if (!pm_base || !(in16(pm_base) & POWER_BUTTON))
		return;
	out16(pm_base, POWER_BUTTON);
	put("NANO power button\n");
	power_off();
}

/* The number after "off=" on the command line; 0 without one. */
static uint32_t option_off(const char *line)
{
	uint32_t n = 0;

	for (; line && *line; line++) {
		if (line[0] != 'o' || line[1] != 'f' || line[2] != 'f' || line[3] != '=')
			continue;
		for (line += 4; *line >= '0' && *line <= '9'; line++)
			n = n * 10 + (uint32_t)(*line - '0');
		return n;
	}
	return 0;
}

/* Adds one to the counter that the vGPU keeps, and says so when it is not where it was left. */
static void vgpu_tick(struct vgpu *v)
{
	uint32_t got = v->bar[WORD_COUNTER];

	if (got != v->counter) {
		put("NANO lost ");
		put_address(v->address);
		put(" want=");
		put_number(v->counter);
		put(" got=");
		put_number(got);
		put_char('\n');
	}
	v->counter = got + 1;
	v->bar[WORD_COUNTER] = v->counter;
}

static void say_tick(uint32_t tick)
{
	put("NANO tick ");
	put_number(tick);
	for (unsigned int i = 0; i < vgpu_count; i++) {
		put_char(' ');
		put_address(vgpus[i].address);
		put_char('=');
		put_number(vgpus[i].counter);
	}
	put_char('\n');
}

void nano_main(const struct start_info *info)
{
	uint32_t off = option_off((const char *)(uintptr_t)info->cmdline);
	uint32_t tick = 0;

	serial_setup();
	put("\nNANO start\n");
	pci_scan_bus(0);
	button_setup();
	timer_setup();
	for (;;) {
		__asm__ volatile("hlt");
		if (tick == timer_ticks)
			continue;
		tick++;
		for (unsigned int i = 0; i < vgpu_count; i++)
			vgpu_tick(&vgpus[i]);
		button_poll();
		hotplug_poll();
		if (tick == 1 || tick % HZ == 0)
			say_tick(tick);
		if (off && tick >= off)
			power_off();
	}
}
