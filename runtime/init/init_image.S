/* The bytes of the shoji-init program. */
    .section .rodata
    .balign 16
    .globl shoji_init_image
shoji_init_image:
    .incbin SHOJI_INIT_FILE
    .globl shoji_init_image_end
shoji_init_image_end:
    .byte 0
    .section .note.GNU-stack,"",@progbits
