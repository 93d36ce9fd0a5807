#include "daemon/memory_file.hpp"

#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace wgbfd {
namespace {

[[noreturn]] void fail(const char* call) { throw std::system_error{errno, std::system_category(), call}; }

}  // namespace

MemoryFile::MemoryFile(std::size_t size) : fd_{::memfd_create("wgbfd", MFD_CLOEXEC)}, size_{size} {
    if (!fd_) fail("memfd_create");
    if (::ftruncate(fd_.get(), static_cast<off_t>(size)) != 0) fail("ftruncate");
    map(PROT_READ | PROT_WRITE);
}

MemoryFile::MemoryFile(base::UniqueFd left) : fd_{std::move(left)}, size_{0} {
    struct stat file {};
    if (::fstat(fd_.get(), &file) != 0) fail("fstat");
    size_ = static_cast<std::size_t>(file.st_size);
    map(PROT_READ);
}

void MemoryFile::map(int protection) {
    auto* const start = ::mmap(nullptr, size_, protection, MAP_SHARED, fd_.get(), 0);
    if (start == MAP_FAILED) fail("mmap");
    start_ = static_cast<std::byte*>(start);
}

MemoryFile::~MemoryFile() {
    if (start_ != nullptr) ::munmap(start_, size_);
}

}  // namespace wgbfd
