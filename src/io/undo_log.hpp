// What feeds have changed on this host, kept in RUN_DIR/undo so that it can be put back by whoever comes after a crash:
// recorded before the change, forgotten after it was taken back. One line a record, rewritten atomically.
#pragma once

#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace io {

struct UndoRecord {
    std::string feed;     // "link"
    std::string subject;  // what was changed, in the feed's own words
    std::string before;   // its value then
    std::string ours;     // the value we gave it: only where this still stands is anything reverted
    friend bool operator==(const UndoRecord&, const UndoRecord&) = default;
};

class UndoLog {
public:
    explicit UndoLog(std::filesystem::path path);  // reads what an earlier process left; no file: empty

    // On disk when it returns. What is already recorded for (feed, subject) keeps its `before`: the value before the
    // first change is the one to go back to. Throws std::system_error when it cannot be written: then do not change.
    void record(const UndoRecord& record);
    void record(std::span<const UndoRecord> records);  // all of them, or none
    // The same, for feeds whose `before` is no value but a word for `undo`: the last one stands.
    void rewrite(std::span<const UndoRecord> records);
    void forget(const std::string& feed, const std::string& subject);  // throws likewise
    void forget(const std::string& feed, std::span<const std::string> subjects);
    const std::vector<UndoRecord>& records() const { return records_; }
    std::vector<UndoRecord> records(const std::string& feed) const;
    // What was unreadable when the file was read; the readable records stand all the same.
    const std::optional<std::string>& problem() const { return problem_; }

private:
    void load();
    void put(std::span<const UndoRecord> records, bool keep_before);
    void save() const;

    std::filesystem::path path_;
    std::vector<UndoRecord> records_;
    std::optional<std::string> problem_;
};

}  // namespace io
