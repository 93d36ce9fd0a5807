#include "io/undo_log.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <string_view>
#include <system_error>
#include <utility>

#include "base/unique_fd.hpp"

namespace io {
namespace {

// feed TAB subject TAB before TAB ours TAB . NEWLINE: the full stop shows that the line was written to its end.
constexpr std::string_view end_mark = ".";

std::string escape(std::string_view text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '\\': out += "\\\\"; break;
            case '\t': out += "\\t"; break;
            case '\n': out += "\\n"; break;
            default: out += c;
        }
    }
    return out;
}

std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '\\') {
            out += text[i];
            continue;
        }
        if (++i == text.size()) return std::nullopt;
        switch (text[i]) {
            case '\\': out += '\\'; break;
            case 't': out += '\t'; break;
            case 'n': out += '\n'; break;
            default: return std::nullopt;
        }
    }
    return out;
}

std::string to_line(const UndoRecord& r) {
    return escape(r.feed) + '\t' + escape(r.subject) + '\t' + escape(r.before) + '\t' + escape(r.ours) + '\t' +
           std::string{end_mark} + '\n';
}

std::optional<UndoRecord> from_line(std::string_view line) {
    std::array<std::string, 4> fields;
    for (auto& field : fields) {
        const auto tab = line.find('\t');
        if (tab == std::string_view::npos) return std::nullopt;
        auto text = unescape(line.substr(0, tab));
        if (!text) return std::nullopt;
        field = *std::move(text);
        line.remove_prefix(tab + 1);
    }
    if (line != end_mark || fields[0].empty() || fields[1].empty()) return std::nullopt;
    return UndoRecord{fields[0], fields[1], fields[2], fields[3]};
}

[[noreturn]] void fail(const std::string& what) { throw std::system_error{errno, std::generic_category(), what}; }

void write_durably(const std::filesystem::path& path, std::string_view text) {
    const base::UniqueFd fd{::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)};
    if (!fd) fail("open " + path.string());
    while (!text.empty()) {
        const auto n = ::write(fd.get(), text.data(), text.size());
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) fail("write " + path.string());
        text.remove_prefix(static_cast<std::size_t>(n));
    }
    if (::fsync(fd.get()) < 0) fail("fsync " + path.string());
}

}  // namespace

UndoLog::UndoLog(std::filesystem::path path) : path_{std::move(path)} { load(); }

void UndoLog::load() {
    std::ifstream file{path_, std::ios::binary};
    if (!file) {
        if (errno != ENOENT) problem_ = path_.string() + ": " + std::generic_category().message(errno);
        return;
    }
    const std::string text{std::istreambuf_iterator<char>{file}, {}};
    std::size_t unreadable = 0;
    for (std::string_view rest = text; !rest.empty();) {
        const auto end = rest.find('\n');
        auto record = from_line(rest.substr(0, end));
        if (record && end != std::string_view::npos)
            records_.push_back(*std::move(record));
        else
            ++unreadable;
        rest.remove_prefix(end == std::string_view::npos ? rest.size() : end + 1);
    }
    if (unreadable > 0) problem_ = path_.string() + ": " + std::to_string(unreadable) + " unreadable line(s), left out";
}

void UndoLog::record(const UndoRecord& record) { this->record(std::span{&record, 1}); }

void UndoLog::record(std::span<const UndoRecord> records) { put(records, true); }

void UndoLog::rewrite(std::span<const UndoRecord> records) { put(records, false); }

void UndoLog::put(std::span<const UndoRecord> records, bool keep_before) {
    auto next = records_;
    for (const auto& record : records) {
        const auto at = std::ranges::find_if(
            next, [&](const UndoRecord& r) { return r.feed == record.feed && r.subject == record.subject; });
        if (at == next.end())
            next.push_back(record);
        else
            *at = {record.feed, record.subject, keep_before ? at->before : record.before, record.ours};
    }
    if (next == records_) return;
    std::swap(next, records_);
    try {
        save();
    } catch (...) {
        std::swap(next, records_);
        throw;
    }
}

void UndoLog::forget(const std::string& feed, const std::string& subject) { forget(feed, std::span{&subject, 1}); }

void UndoLog::forget(const std::string& feed, std::span<const std::string> subjects) {
    const auto gone = [&](const UndoRecord& r) {
        return r.feed == feed && std::ranges::find(subjects, r.subject) != subjects.end();
    };
    if (std::erase_if(records_, gone) > 0) save();
}

std::vector<UndoRecord> UndoLog::records(const std::string& feed) const {
    std::vector<UndoRecord> out;
    std::ranges::copy_if(records_, std::back_inserter(out), [&](const UndoRecord& r) { return r.feed == feed; });
    return out;
}

void UndoLog::save() const {
    std::string text;
    for (const auto& r : records_) text += to_line(r);
    auto fresh = path_;
    fresh += ".tmp";
    write_durably(fresh, text);
    if (::rename(fresh.c_str(), path_.c_str()) < 0) fail("rename " + fresh.string());
    const auto parent = path_.parent_path().empty() ? std::filesystem::path{"."} : path_.parent_path();
    const base::UniqueFd folder{::open(parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!folder || ::fsync(folder.get()) < 0) fail("fsync " + parent.string());
}

}  // namespace io
