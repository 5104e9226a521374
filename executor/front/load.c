/*
 * Why not execve: the whole runtime is one file that can be copied anywhere, this small program first and the
 * compiled TypeScript behind it, and the kernel can only start the first. What execve(2) would do is little: map the
 * segments of the program and of its linker, tell the linker through the auxiliary vector (man 3 getauxval) where they
 * are, and enter the linker.
 */
#include "load.h"

#include <elf.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "../generated/front.h"
#include "../kernel.h"

#define HEADERS 24

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#endif

struct image {
	int file;
	/* Of the ELF header in the file. */
	uint64_t offset;
	Elf64_Ehdr header;
	Elf64_Phdr segments[HEADERS];
	/* What is added to the addresses in the file. */
	uint64_t base;
};

static bool read_exactly(int file, void *bytes, size_t count, uint64_t at)
{
	return pread(file, bytes, count, (off_t)at) == (ssize_t)count;
}

static bool read_image(struct image *image)
{
	const Elf64_Ehdr *header = &image->header;
	return read_exactly(image->file, &image->header, sizeof image->header, image->offset) &&
	       memcmp(header->e_ident, ELFMAG, SELFMAG) == 0 && header->e_ident[EI_CLASS] == ELFCLASS64 &&
	       header->e_machine == MACHINE && header->e_phentsize == sizeof(Elf64_Phdr) && header->e_phnum > 0 &&
	       header->e_phnum <= HEADERS &&
	       read_exactly(image->file, image->segments, header->e_phnum * sizeof(Elf64_Phdr),
			    image->offset + header->e_phoff);
}

static const Elf64_Phdr *segment_of(const struct image *image, uint32_t type)
{
	for (unsigned i = 0; i < image->header.e_phnum; i++)
		if (image->segments[i].p_type == type)
			return &image->segments[i];
	return NULL;
}

/* An address range for an image that may lie anywhere. */
static bool choose_base(struct image *image, uint64_t page)
{
	uint64_t end = 0;
	if (image->header.e_type == ET_EXEC)
		return true;
	for (unsigned i = 0; i < image->header.e_phnum; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		if (segment->p_type == PT_LOAD && segment->p_vaddr + segment->p_memsz > end)
			end = segment->p_vaddr + segment->p_memsz;
	}
	end = (end + page - 1) & ~(page - 1);
	void *range = mmap(NULL, end, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	image->base = (uint64_t)(uintptr_t)range;
	return range != MAP_FAILED;
}

static int protection_of(const Elf64_Phdr *segment)
{
	return (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
	       (segment->p_flags & PF_X ? PROT_EXEC : 0);
}

static bool map_at(uint64_t address, size_t bytes, int protection, int flags, int file, uint64_t at)
{
	void *wanted = (void *)(uintptr_t)address;
	return bytes == 0 || mmap(wanted, bytes, protection, MAP_PRIVATE | flags, file, (off_t)at) == wanted;
}

/* The file's part, and zeros for the rest. */
static bool map_segment(const struct image *image, const Elf64_Phdr *segment, uint64_t page)
{
	uint64_t start = image->base + segment->p_vaddr;
	uint64_t first = start & ~(page - 1);
	uint64_t lead = start - first;
	uint64_t file_end = start + segment->p_filesz;
	uint64_t mapped_end = (file_end + page - 1) & ~(page - 1);
	uint64_t end = (start + segment->p_memsz + page - 1) & ~(page - 1);
	/* Over our own reservation, or where nothing is yet. */
	int fixed = image->header.e_type == ET_EXEC ? MAP_FIXED_NOREPLACE : MAP_FIXED;
	int protection = protection_of(segment);
	uint64_t at = image->offset + segment->p_offset - lead;
	if (!map_at(first, segment->p_filesz + lead, protection, fixed, image->file, at))
		return false;
	if (segment->p_memsz == segment->p_filesz)
		return true;
	if (segment->p_flags & PF_W)
		memset((void *)(uintptr_t)file_end, 0, mapped_end - file_end);
	return end <= mapped_end || map_at(mapped_end, end - mapped_end, protection, fixed | MAP_ANONYMOUS, -1, 0);
}

static bool map_image(struct image *image, uint64_t page)
{
	if (!choose_base(image, page))
		return false;
	for (unsigned i = 0; i < image->header.e_phnum; i++)
		if (image->segments[i].p_type == PT_LOAD && !map_segment(image, &image->segments[i], page))
			return false;
	return true;
}

/* Where the program headers are in memory. */
static uint64_t headers_address(const struct image *image)
{
	const Elf64_Ehdr *header = &image->header;
	for (unsigned i = 0; i < header->e_phnum; i++) {
		const Elf64_Phdr *segment = &image->segments[i];
		if (segment->p_type == PT_LOAD && segment->p_offset <= header->e_phoff &&
		    header->e_phoff < segment->p_offset + segment->p_filesz)
			return image->base + segment->p_vaddr + (header->e_phoff - segment->p_offset);
	}
	return 0;
}

static Elf64_auxv_t *auxiliary_vector(uintptr_t *stack)
{
	uintptr_t *next = stack + 1 + stack[0] + 1;
	while (*next)
		next++;
	return (Elf64_auxv_t *)(next + 1);
}

static uint64_t page_size(const Elf64_auxv_t *vector)
{
	for (; vector->a_type != AT_NULL; vector++)
		if (vector->a_type == AT_PAGESZ)
			return vector->a_un.a_val;
	return 4096;
}

static void describe(Elf64_auxv_t *vector, const struct image *program, const struct image *linker)
{
	for (; vector->a_type != AT_NULL; vector++) {
		if (vector->a_type == AT_PHDR)
			vector->a_un.a_val = headers_address(program);
		else if (vector->a_type == AT_PHNUM)
			vector->a_un.a_val = program->header.e_phnum;
		else if (vector->a_type == AT_BASE)
			vector->a_un.a_val = linker->base;
		else if (vector->a_type == AT_ENTRY)
			vector->a_un.a_val = program->base + program->header.e_entry;
	}
}

static _Noreturn void enter(uint64_t address, uintptr_t *stack)
{
#if defined(__x86_64__)
	/* rdx: a function for atexit, none. */
	__asm__ volatile("movq %0, %%rsp\n\txorl %%edx, %%edx\n\txorl %%ebp, %%ebp\n\tjmpq *%1" : : "r"(stack), "r"(address) : "memory");
#elif defined(__aarch64__)
	__asm__ volatile("mov sp, %0\n\tmov x0, #0\n\tbr %1" : : "r"(stack), "r"(address) : "memory", "x0");
#endif
	__builtin_unreachable();
}

const char *load_program(int file, uintptr_t *stack)
{
	struct image program = {.file = file, .offset = PROGRAM_OFFSET};
	struct image linker = {.file = -1};
	char path[PATH_MAX];
	Elf64_auxv_t *vector = auxiliary_vector(stack);
	uint64_t page = page_size(vector);
	if (!read_image(&program))
		return "the program behind this one cannot be read";
	const Elf64_Phdr *named = segment_of(&program, PT_INTERP);
	if (!named || named->p_filesz > sizeof path ||
	    !read_exactly(file, path, named->p_filesz, PROGRAM_OFFSET + named->p_offset) || path[named->p_filesz - 1])
		return "the program behind this one names no dynamic linker";
	linker.file = open(path, O_RDONLY | O_CLOEXEC);
	if (linker.file < 0 || !read_image(&linker))
		return "the C library's dynamic linker cannot be read";
	if (!map_image(&program, page) || !map_image(&linker, page))
		return "there is no room in memory for the program behind this one";
	close(linker.file);
	close(file);
	describe(vector, &program, &linker);
	enter(linker.base + linker.header.e_entry, stack);
}
