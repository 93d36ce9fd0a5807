// Records that a kill at any moment leaves whole.
#include "probe/records.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <random>
#include <vector>

namespace {

using probe::Record;
using Memory = std::vector<std::byte>;

constexpr std::size_t half = 64;

Memory of(std::string_view text) {
    Memory out(text.size());
    std::memcpy(out.data(), text.data(), text.size());
    return out;
}

std::string text_in(base::Bytes memory) {
    const auto payload = Record::read(memory);
    return payload ? std::string{reinterpret_cast<const char*>(payload->data()), payload->size()} : "";
}

}  // namespace

TEST_CASE("a record holds what was written last; a fresh and a cleared one hold nothing") {
    Memory memory(2 * half);
    CHECK_FALSE(Record::read(memory));
    Record record{memory};
    for (const auto* text : {"one", "two", "three"}) {
        record.write(of(text));
        CHECK(text_in(memory) == text);
    }
    record.clear();
    CHECK_FALSE(Record::read(memory));
    Record{memory}.write(of("four"));  // another writer goes on
    CHECK(text_in(memory) == "four");
}

TEST_CASE("what does not fit is not written, what just fits is") {
    Memory memory(2 * half);
    Record record{memory};
    record.write(of("short"));
    record.write(Memory(half - Record::header_length + 1, std::byte{7}));
    CHECK(text_in(memory) == "short");
    record.write(Memory(half - Record::header_length, std::byte{7}));
    CHECK(text_in(memory) == std::string(half - Record::header_length, '\7'));
}

TEST_CASE("a record that keeps nothing takes everything") {
    Record record;
    CHECK_FALSE(record);
    record.write(of("gone"));
    record.clear();
}

TEST_CASE("what stands there already is not written again") {
    Memory memory(2 * half);
    Record record{memory};
    record.write(of("same"));
    const auto before = memory;
    record.write(of("same"));
    CHECK(memory == before);
}

TEST_CASE("whatever part of the bytes of a write came to be stored, the record is the one before or the one after") {
    std::mt19937 random{7};
    const auto number = [&](std::size_t below) { return random() % below; };
    for (int round = 0; round < 20'000; ++round) {
        Memory memory(2 * half);
        Record record{memory};
        const auto writes = 1 + number(5);
        std::string last;
        for (std::size_t i = 0; i < writes; ++i) {
            last = std::string(1 + number(half - Record::header_length), static_cast<char>('a' + number(26)));
            record.write(of(last));
        }
        const auto before = memory;
        const auto next = std::string(1 + number(half - Record::header_length), static_cast<char>('A' + number(26)));
        record.write(of(next));
        auto torn = before;
        if (number(2) == 0) {  // in order, up to some byte
            const auto first = std::ranges::mismatch(before, memory).in1 - before.begin();
            const auto end = static_cast<std::size_t>(first) + number(half);
            std::copy_n(memory.begin(), std::min(end, memory.size()), torn.begin());
        } else {  // in any order
            for (std::size_t i = 0; i < torn.size(); ++i)
                if (number(2) == 0) torn[i] = memory[i];
        }
        const auto found = text_in(torn);
        CHECK((found == last || found == next));
        Record{torn}.write(of("after"));
        CHECK(text_in(torn) == "after");
    }
}

TEST_CASE("rubbish is no record") {
    std::mt19937 random{11};
    for (int round = 0; round < 20'000; ++round) {
        Memory memory(2 * half);
        for (auto& byte : memory) byte = static_cast<std::byte>(random());
        CHECK_FALSE(Record::read(memory));
    }
    CHECK_FALSE(Record::read(Memory(8)));
}
