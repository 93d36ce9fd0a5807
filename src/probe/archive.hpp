// Values as the bytes that a worker leaves its successor on the same host, and back: in host order, one after the
// other. A type says what it consists of once, for both ways: `fields(archive, value)`, a static member where they are
// private, else a function beside the type. What a later version adds makes another format: see Store::version.
#pragma once

#include <array>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/bytes.hpp"
#include "base/ip_address.hpp"
#include "base/strong.hpp"

namespace probe {

template <class T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;
template <class T, class Of>
concept Either = std::same_as<std::remove_const_t<T>, Of>;  // the type, to be read or to be written

class Writer {
public:
    explicit Writer(std::span<std::byte> out) : out_{out} {}

    template <class... T>
    void operator()(const T&... values) {
        (put(values), ...);
    }
    bool ok() const { return ok_; }  // false: there was no room
    base::Bytes bytes() const { return out_.first(used_); }

private:
    void put_bytes(const void* from, std::size_t size) {
        if (out_.size() - used_ < size) ok_ = false;
        if (!ok_ || size == 0) return;
        std::memcpy(out_.data() + used_, from, size);
        used_ += size;
    }
    template <Plain T>
    void put(const T& value) {
        put_bytes(&value, sizeof value);
    }
    template <class Rep, class Period>
    void put(const std::chrono::duration<Rep, Period>& value) {
        put(value.count());
    }
    template <class Clock, class D>
    void put(const std::chrono::time_point<Clock, D>& value) {
        put(value.time_since_epoch());
    }
    template <class Tag, class Rep>
    void put(const base::Strong<Tag, Rep>& value) {
        put(value.value);
    }
    template <Plain T, std::size_t n>
    void put(const std::array<T, n>& value) {
        put_bytes(value.data(), sizeof value);
    }
    template <class T, std::size_t n>
    void put(const std::array<T, n>& value) {
        for (const auto& one : value) put(one);
    }
    template <class T>
    void put(const std::optional<T>& value) {
        put(value.has_value());
        if (value) put(*value);
    }
    void put(const std::string& value) {
        put(static_cast<std::uint32_t>(value.size()));
        put_bytes(value.data(), value.size());
    }
    template <class T>
    void put(const std::vector<T>& value) {
        put(static_cast<std::uint32_t>(value.size()));
        for (const auto& one : value) put(one);
    }
    void put(const base::IpAddress& value) { (*this)(value.family, value.bytes); }
    template <class T>
    requires requires(Writer& w, const T& v) { T::fields(w, v); }
    void put(const T& value) { T::fields(*this, value); }
    template <class T>
    requires requires(Writer& w, const T& v) { fields(w, v); }
    void put(const T& value) { fields(*this, value); }

    std::span<std::byte> out_;
    std::size_t used_ = 0;
    bool ok_ = true;
};

class Reader {
public:
    explicit Reader(base::Bytes in) : in_{in} {}

    template <class... T>
    void operator()(T&... values) {
        (take(values), ...);
    }
    bool ok() const { return ok_; }  // false: there was less than was asked for
    bool done() const { return ok_ && in_.empty(); }

private:
    void take_bytes(void* to, std::size_t size) {
        if (in_.size() < size) ok_ = false;
        if (!ok_ || size == 0) return;
        std::memcpy(to, in_.data(), size);
        in_ = in_.subspan(size);
    }
    template <Plain T>
    void take(T& value) {
        if constexpr (std::same_as<T, bool>) {
            std::uint8_t byte = 0;
            take_bytes(&byte, 1);
            value = byte != 0;
        } else {
            take_bytes(&value, sizeof value);
        }
    }
    template <class Rep, class Period>
    void take(std::chrono::duration<Rep, Period>& value) {
        Rep count{};
        take(count);
        value = std::chrono::duration<Rep, Period>{count};
    }
    template <class Clock, class D>
    void take(std::chrono::time_point<Clock, D>& value) {
        D since{};
        take(since);
        value = std::chrono::time_point<Clock, D>{since};
    }
    template <class Tag, class Rep>
    void take(base::Strong<Tag, Rep>& value) {
        take(value.value);
    }
    template <Plain T, std::size_t n>
    void take(std::array<T, n>& value) {
        take_bytes(value.data(), sizeof value);
    }
    template <class T, std::size_t n>
    void take(std::array<T, n>& value) {
        for (auto& one : value) take(one);
    }
    template <class T>
    void take(std::optional<T>& value) {
        bool has = false;
        take(has);
        value.reset();
        if (has && ok_) take(value.emplace());
    }
    void take(std::string& value) {
        std::uint32_t size = 0;
        take(size);
        if (size > in_.size()) ok_ = false;
        if (!ok_) return;
        value.assign(reinterpret_cast<const char*>(in_.data()), size);
        in_ = in_.subspan(size);
    }
    template <class T>
    void take(std::vector<T>& value) {
        std::uint32_t size = 0;
        take(size);
        value.clear();
        while (ok_ && size-- > 0) take(value.emplace_back());
    }
    void take(base::IpAddress& value) {
        (*this)(value.family, value.bytes);
        if (value.family > base::Family::v6) ok_ = false;
    }
    template <class T>
    requires requires(Reader& r, T& v) { T::fields(r, v); }
    void take(T& value) { T::fields(*this, value); }
    template <class T>
    requires requires(Reader& r, T& v) { fields(r, v); }
    void take(T& value) { fields(*this, value); }

    base::Bytes in_;
    bool ok_ = true;
};

}  // namespace probe
