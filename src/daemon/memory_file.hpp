// Memory that outlives the worker that writes it: a file without a name, which the guardian holds. Never on a disk, so
// that writing to it never waits.
#pragma once

#include <cstddef>
#include <span>

#include "base/bytes.hpp"
#include "base/unique_fd.hpp"

namespace wgbfd {

class MemoryFile {
public:
    explicit MemoryFile(std::size_t size);     // all zero; throws std::system_error
    explicit MemoryFile(base::UniqueFd left);  // another's, as it stands: to read; throws likewise
    MemoryFile(const MemoryFile&) = delete;
    MemoryFile& operator=(const MemoryFile&) = delete;
    ~MemoryFile();

    std::span<std::byte> bytes() { return {start_, size_}; }
    int fd() const { return fd_.get(); }

private:
    void map(int protection);

    base::UniqueFd fd_;
    std::size_t size_;
    std::byte* start_ = nullptr;
};

}  // namespace wgbfd
