#include "io/job.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace io {
namespace {

enum class Type : std::uint8_t { run = 1, cancel = 2, report = 3 };

class Writer {
public:
    explicit Writer(Type type) { number(static_cast<std::uint8_t>(type)); }
    template <std::unsigned_integral T>
    void number(T value) {
        const auto at = out_.size();
        out_.resize(at + sizeof(T));
        base::ByteWriter{std::span{out_}.subspan(at)}.write(value);
    }
    void text(const std::string& value) {
        number(static_cast<std::uint32_t>(value.size()));
        const auto bytes = std::as_bytes(std::span{value});
        out_.insert(out_.end(), bytes.begin(), bytes.end());
    }
    void texts(const std::vector<std::string>& values) {
        number(static_cast<std::uint32_t>(values.size()));
        for (const auto& value : values) text(value);
    }
    std::vector<std::byte> take() { return std::move(out_); }

private:
    std::vector<std::byte> out_;
};

std::string read_text(base::ByteReader& in) {
    const auto bytes = in.read_bytes(in.read<std::uint32_t>());
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::vector<std::string> read_texts(base::ByteReader& in) {
    std::vector<std::string> out;
    for (auto left = in.read<std::uint32_t>(); left > 0 && in.ok(); --left) out.push_back(read_text(in));
    return out;
}

RunJob read_run(base::ByteReader& in) {
    RunJob out{.id = in.read<std::uint64_t>(), .job = {}};
    out.job.kind = read_text(in);
    out.job.arguments = read_texts(in);
    out.job.environment = read_texts(in);
    out.job.input = read_text(in);
    out.job.time_limit = std::chrono::milliseconds{in.read<std::uint32_t>()};
    out.job.output_limit = in.read<std::uint32_t>();
    return out;
}

bool is_whole(const base::ByteReader& in) { return in.ok() && in.remaining() == 0; }

}  // namespace

std::vector<std::byte> encode(const JobRequest& request) {
    if (const auto* cancel = std::get_if<CancelJob>(&request)) {
        Writer out{Type::cancel};
        out.number(cancel->id);
        return out.take();
    }
    const auto& [id, job] = std::get<RunJob>(request);
    Writer out{Type::run};
    out.number(id);
    out.text(job.kind);
    out.texts(job.arguments);
    out.texts(job.environment);
    out.text(job.input);
    const auto limit = std::chrono::duration_cast<std::chrono::milliseconds>(job.time_limit).count();
    out.number(static_cast<std::uint32_t>(limit));
    out.number(job.output_limit);
    return out.take();
}

std::vector<std::byte> encode(const JobReport& report) {
    Writer out{Type::report};
    out.number(report.id);
    out.number(static_cast<std::uint8_t>(report.result.end));
    out.number(static_cast<std::uint32_t>(report.result.status));
    out.text(report.result.output);
    out.number(static_cast<std::uint8_t>(report.result.truncated ? 1 : 0));
    out.number(static_cast<std::uint8_t>(report.is_last_lost ? 1 : 0));
    return out.take();
}

std::optional<JobId> id_of_run(base::Bytes request) {
    base::ByteReader in{request};
    const bool is_run = in.read<std::uint8_t>() == static_cast<std::uint8_t>(Type::run);
    const JobId id = in.read<std::uint64_t>();
    return is_run && in.ok() ? std::optional{id} : std::nullopt;
}

base::Result<JobRequest, JobRefusal> decode_request(base::Bytes bytes) {
    base::ByteReader in{bytes};
    const auto type = in.read<std::uint8_t>();
    JobRequest out;
    if (type == static_cast<std::uint8_t>(Type::run))
        out = read_run(in);
    else if (type == static_cast<std::uint8_t>(Type::cancel))
        out = CancelJob{in.read<std::uint64_t>()};
    else
        return tl::unexpected{JobRefusal::malformed};
    if (!is_whole(in)) return tl::unexpected{JobRefusal::malformed};
    return out;
}

base::Result<JobReport, JobRefusal> decode_report(base::Bytes bytes) {
    base::ByteReader in{bytes};
    if (in.read<std::uint8_t>() != static_cast<std::uint8_t>(Type::report))
        return tl::unexpected{JobRefusal::malformed};
    JobReport out{.id = in.read<std::uint64_t>(), .result = {}};
    const auto end = in.read<std::uint8_t>();
    if (end > static_cast<std::uint8_t>(JobEnd::not_started)) return tl::unexpected{JobRefusal::malformed};
    out.result.end = static_cast<JobEnd>(end);
    out.result.status = static_cast<std::int32_t>(in.read<std::uint32_t>());
    out.result.output = read_text(in);
    out.result.truncated = in.read<std::uint8_t>() != 0;
    out.is_last_lost = in.read<std::uint8_t>() != 0;
    if (!is_whole(in)) return tl::unexpected{JobRefusal::malformed};
    return out;
}

}  // namespace io
