// Reading and writing network byte order, never past the end.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>

namespace base {

using Bytes = std::span<const std::byte>;

class ByteReader {
public:
    explicit ByteReader(Bytes in) : in_{in} {}

    // The next integer in network order; 0 past the end, and then ok() is false for good.
    template <std::unsigned_integral T>
    T read() {
        if (in_.size() < sizeof(T)) return fail<T>();
        T out{};
        for (std::size_t i = 0; i < sizeof(T); ++i) out = static_cast<T>((out << 8) | std::to_integer<T>(in_[i]));
        in_ = in_.subspan(sizeof(T));
        return out;
    }
    Bytes read_bytes(std::size_t n) {
        if (in_.size() < n) {
            fail<std::uint8_t>();
            return {};
        }
        const auto out = in_.first(n);
        in_ = in_.subspan(n);
        return out;
    }
    void skip(std::size_t n) { read_bytes(n); }
    std::size_t remaining() const { return in_.size(); }
    bool ok() const { return ok_; }

private:
    template <class T>
    T fail() {
        ok_ = false;
        in_ = {};
        return T{};
    }
    Bytes in_;
    bool ok_ = true;
};

class ByteWriter {
public:
    explicit ByteWriter(std::span<std::byte> out) : out_{out} {}

    template <std::unsigned_integral T>
    void write(T value) {
        if (out_.size() - used_ < sizeof(T)) {
            ok_ = false;
            return;
        }
        for (std::size_t i = 0; i < sizeof(T); ++i)
            out_[used_++] = static_cast<std::byte>((value >> (8 * (sizeof(T) - 1 - i))) & 0xff);
    }
    void write_bytes(Bytes in) {
        if (out_.size() - used_ < in.size()) {
            ok_ = false;
            return;
        }
        if (!in.empty()) std::memcpy(out_.data() + used_, in.data(), in.size());
        used_ += in.size();
    }
    std::size_t size() const { return used_; }
    bool ok() const { return ok_; }

private:
    std::span<std::byte> out_;
    std::size_t used_ = 0;
    bool ok_ = true;
};

}  // namespace base
