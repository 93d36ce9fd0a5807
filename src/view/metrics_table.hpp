// Which number of `status` is which metric: one line a metric, in the order of the page. No number: NaN.
#pragma once

#include <span>

#include <prometheus/metric_type.h>

#include "control/controller.hpp"
#include "view/status.hpp"

namespace view {

struct MetricName {
    const char* name;
    const char* help;
    prometheus::MetricType type;
};

template <class Of>
struct Metric {
    MetricName is;
    double (*value)(const Of&);
};

std::span<const Metric<Process>> process_metrics();
std::span<const Metric<control::Row>> row_metrics();                   // {adjacency, interface}
std::span<const Metric<control::Row::SessionView>> session_metrics();  // … with local and remote

}  // namespace view
