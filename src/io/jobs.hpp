// The worker's side of its job runner: hands jobs over without waiting and hears what came of them. The runner ends,
// and every job with it, when this does. What a runner that died had begun counts as not started.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include <boost/asio/io_context.hpp>

#include "base/unique_fd.hpp"
#include "io/job.hpp"

namespace io {

class Jobs {
public:
    using OnEnd = std::function<void(const JobResult&)>;

    Jobs(boost::asio::io_context& context, base::UniqueFd runner);  // no runner: nothing can be started
    Jobs(const Jobs&) = delete;
    Jobs& operator=(const Jobs&) = delete;
    ~Jobs();

    JobId run(const Job& job, OnEnd on_end);  // called in a turn of its own, once
    void cancel(JobId id);                    // ends it; nobody is called
    bool is_alive() const;                    // false: nothing can be started any more

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace io
