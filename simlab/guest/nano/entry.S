/* SPDX-License-Identifier: Apache-2.0
 * entry.S - where QEMU enters: 32-bit, flat, no paging, %ebx = PVH start info.
 */
	.section .note.pvh, "a", @note
	.align 4
	.long 4, 4, 18          /* name size, descriptor size, "32-bit physical entry" */
	.asciz "Xen"
	.long start

	.text
	.globl start
start:
	cli
	cld
	mov $stack_top, %esp
	lgdt gdt_pointer
	ljmp $0x08, $1f
1:	mov $0x10, %eax
	mov %eax, %ds
	mov %eax, %es
	mov %eax, %ss
	push %ebx
	call nano_main
2:	cli
	hlt
	jmp 2b

/* The timer, the only interrupt that is let through. */
	.globl timer_entry
timer_entry:
	push %eax
	incl timer_ticks
	mov $0x20, %al
	out %al, $0x20
	pop %eax
	iret

/* Interrupts that the PICs raise although they are masked. */
	.globl spurious_entry
spurious_entry:
	iret

	.section .rodata
	.align 8
gdt:	.quad 0
	.quad 0x00cf9a000000ffff
	.quad 0x00cf92000000ffff
gdt_pointer:
	.word . - gdt - 1
	.long gdt

	.bss
	.align 16
	.skip 16384
stack_top:
	.section .note.GNU-stack, "", @progbits
