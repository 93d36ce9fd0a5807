// A file of the feed `bird-include` that the configuration names no more, or with another BIRD, and that an earlier
// process of ours has left with its values: puts them at rest, and has a BIRD that runs read them.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>

#include "base/time.hpp"
#include "bird/include_store.hpp"
#include "bird/kept_disabled.hpp"
#include "bird/reconfiguration.hpp"
#include "bird/shared_control.hpp"
#include "io/timer.hpp"
#include "io/undo_log.hpp"

namespace bird {

class FormerInclude {
public:
    FormerInclude(boost::asio::io_context& context, io::UndoLog& undo, SharedControl& control, KeptDisabled& kept,
                  std::string file);

    void give_up() { ended_ = true; }  // the file is the feed's again
    const std::string& file() const { return file_; }
    const std::string& problem() const { return problem_; }  // why it is still left, "" while that is not known

private:
    void settle();
    void on_content(const base::Result<Reply, ControlError>& answer);
    void on_outcome(Outcome outcome, const std::string& text);
    void on_lost(const ControlError& error);
    void try_later(std::string problem);
    void end();

    io::UndoLog& undo_;
    SharedControl& control_;
    std::string file_;
    IncludeStore store_;
    Reconfiguration reconfiguration_;
    Defines rest_;
    bool looking_ = false, ended_ = false;
    bool written_ = false;  // at rest
    base::Duration retry_{};
    std::string problem_;
    io::Timer again_;
};

// All of them.
class FormerIncludes {
public:
    // `control` and `kept` are those of the BIRD that is configured.
    FormerIncludes(boost::asio::io_context& context, io::UndoLog& undo, SharedControl& control, KeptDisabled& kept)
        : context_{context}, undo_{undo}, control_{control}, kept_{kept} {}

    // At the start, before the feed takes `include` up: what else is recorded goes back.
    void adopt(const std::optional<std::string>& include);
    // The feed takes it up, later than at the start.
    void yield(const std::string& include);
    std::vector<std::string> problems() const;

private:
    struct Bird {  // another one than is configured
        Bird(boost::asio::io_context& context, io::UndoLog& undo, const std::string& path)
            : control{context, path}, kept{undo, control} {}
        SharedControl control;
        KeptDisabled kept;
    };
    Bird& bird_at(const std::string& path);

    boost::asio::io_context& context_;
    io::UndoLog& undo_;
    SharedControl& control_;
    KeptDisabled& kept_;
    std::vector<std::unique_ptr<FormerInclude>> files_;
    std::vector<std::unique_ptr<Bird>> birds_;
};

}  // namespace bird
