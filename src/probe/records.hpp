// Records in memory that outlives whoever writes them: a worker that is killed at any moment leaves each of them whole.
// A record has two halves, written in turn; the newest whole one counts. One writer a record, no lock, no system call.
//
//   half: | checksum 8 | sequence 4 | length 4 | payload … |      length 0: there is nothing
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.hpp"

namespace probe {

class Record {
public:
    static constexpr std::size_t header_length = 16;

    Record() = default;                           // keeps nothing
    explicit Record(std::span<std::byte> place);  // both halves; goes on from what stands there

    explicit operator bool() const { return at_ != nullptr; }
    // What does not fit is not written: what stood there stands. Nor is what stands there already.
    void write(base::Bytes payload);
    void clear() { write({}); }

    static std::optional<base::Bytes> read(base::Bytes place);  // none: nothing whole, or cleared

private:
    bool holds(base::Bytes payload) const;

    std::byte* at_ = nullptr;
    std::uint32_t half_ = 0;      // bytes
    std::uint32_t sequence_ = 0;  // of the newest
    std::uint32_t newest_ = 1;    // the half that holds it
};

}  // namespace probe
