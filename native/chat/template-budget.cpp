#include "template-budget.h"

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <set>
#include <unistd.h>

namespace {

/** Of the processor. To find the format of the slowest of llama.cpp's own 70 templates takes 0.06 s. */
constexpr double fewestSeconds = 0.5;
/** Gemma 4's looks at all messages for each message: it takes 9 s for 500. */
constexpr double secondsOfPart = 0.03;
/** What has more fits no context that such a template is made for. */
constexpr size_t mostMessages = 1000;
constexpr size_t mostBytes = 256u << 20;
/** A thread's stack has 2 MiB at least, and each macro within a macro takes some kilobytes. */
constexpr ptrdiff_t mostStack = 1 << 20;
constexpr double secondsBetweenReadings = 0.01;
constexpr size_t mostTokensOfExpression = 1000;
constexpr int mostBlocks = 100;
/** A round of a loop takes some microseconds before its first checkpoint. */
constexpr size_t longestList = 10'000;
/** A value takes 400 bytes. Templates have numbers of tokens too. */
constexpr int64_t greatestArgument = 100'000;
constexpr int64_t greatestFactor = 10'000;
constexpr size_t longestFactor = 1000;
/** A request has fewer. To count them takes some milliseconds. */
constexpr size_t mostParts = 1'000'000;
constexpr int deepestValue = 500;

thread_local TemplateBudget * current = nullptr;

timespec readTime() {
    timespec time;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return time;
}

double secondsSince(const timespec & start) {
    const auto now = readTime();
    return static_cast<double>(now.tv_sec - start.tv_sec) + static_cast<double>(now.tv_nsec - start.tv_nsec) / 1e9;
}

/** The memory of the process that is not of files. */
size_t readPrivateBytes() {
    size_t total = 0, resident = 0, shared = 0;
    std::ifstream("/proc/self/statm") >> total >> resident >> shared;
    return (resident - shared) * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

const char * stackTop() { return static_cast<const char *>(__builtin_frame_address(0)); }

struct Checkpoint : jinja::statement {
    std::string type() const override { return "Checkpoint"; }
    jinja::value execute_impl(jinja::context &) const override {
        if (current != nullptr) current->check();
        return jinja::mk_val<jinja::value_undefined>();
    }
};

enum class Use { argument, factor, list, part };

/** Whether a value overflows the stack or takes without end where llama.cpp walks over its parts: it may contain itself. */
bool isVast(const jinja::value & value, size_t & parts, int depth = 0) {
    if (++parts > mostParts || depth > deepestValue) return true;
    const auto isPartVast = [&](const jinja::value & part) { return isVast(part, parts, depth + 1); };
    if (jinja::is_val<jinja::value_array>(value)) return std::any_of(value->as_array().begin(), value->as_array().end(), isPartVast);
    if (!jinja::is_val<jinja::value_object>(value)) return false;
    const auto & members = value->as_ordered_object();
    return std::any_of(members.begin(), members.end(), [&](const auto & member) { return isPartVast(member.second); });
}

/** Whether a value makes work without end: a number that a function gets, a text that is multiplied, a list of a loop or a sum. */
bool isGreat(const jinja::value & value, Use use) {
    if (const auto * named = jinja::cast_val<jinja::value_kwarg>(value)) return isGreat(named->val, use);
    size_t parts = 0;
    if ((use == Use::argument || use == Use::part) && isVast(value, parts)) return true;
    if (use == Use::part) return false;
    if (use == Use::list) {
        if (jinja::is_val<jinja::value_object>(value)) return value->as_ordered_object().size() > longestList;
        return jinja::is_val<jinja::value_array>(value) && value->as_array().size() > longestList;
    }
    if (jinja::is_val<jinja::value_int>(value))
        return std::abs(value->as_int()) > (use == Use::factor ? greatestFactor : greatestArgument);
    return use == Use::factor && jinja::is_val<jinja::value_string>(value) && value->as_string().length() > longestFactor;
}

struct Bounded : jinja::expression {
    const jinja::statement_ptr inner;
    const Use use;

    Bounded(jinja::statement_ptr inner, Use use) : inner(std::move(inner)), use(use) { pos = this->inner->pos; }
    std::string type() const override { return inner->type(); }
    void visit(jinja::context & context) const override { inner->visit(context); }
    jinja::value execute_impl(jinja::context & context) const override {
        if (current != nullptr && use != Use::part) current->check();
        auto value = inner->execute(context);
        if (current != nullptr && isGreat(value, use)) current->exceed(TemplateLimit("it computes with too great a number, text or list"));
        return value;
    }
};

/** Writes a value as Python does. llama.cpp writes nothing of None and dictionaries, and of a list its items alone. */
struct Written : Bounded {
    explicit Written(jinja::statement_ptr inner) : Bounded(std::move(inner), Use::part) {}
    jinja::value execute_impl(jinja::context & context) const override {
        auto value = Bounded::execute_impl(context);
        const bool isWritten = !value->is_none() && !jinja::is_val<jinja::value_array>(value) && !jinja::is_val<jinja::value_object>(value);
        return isWritten ? value : jinja::mk_val<jinja::value_string>(jinja::value_to_string_repr(value));
    }
};

void bound(jinja::statement_ptr & slot, Use use) { slot = std::make_unique<Bounded>(std::move(slot), use); }

void write(jinja::statements & body) {
    for (auto & each : body)
        if (dynamic_cast<jinja::expression *>(each.get()) != nullptr) each = std::make_unique<Written>(std::move(each));
}

void addCheckpoint(jinja::statements & body, size_t pos) {
    auto checkpoint = std::make_unique<Checkpoint>();
    checkpoint->pos = pos;
    body.insert(body.begin(), std::move(checkpoint));
}

/** llama.cpp visits what it parsed as constants. Nobody else has it yet. */
template <typename Node> Node * as(const jinja::statement * node) {
    return const_cast<Node *>(dynamic_cast<const Node *>(node));
}

void change(const jinja::statement * node) {
    if (auto * loop = as<jinja::for_statement>(node)) {
        auto * selection = as<jinja::select_expression>(loop->iterable.get());
        bound(selection == nullptr ? loop->iterable : selection->lhs, Use::list);
        write(loop->default_block);
        write(loop->body);
        addCheckpoint(loop->body, loop->pos);
    } else if (auto * macro = as<jinja::macro_statement>(node)) {
        write(macro->body);
        addCheckpoint(macro->body, macro->pos);
    } else if (auto * block = as<jinja::call_statement>(node)) {
        write(block->body);
        addCheckpoint(block->body, block->pos);
    } else if (auto * condition = as<jinja::if_statement>(node)) {
        write(condition->body);
        write(condition->alternate);
    } else if (auto * set = as<jinja::set_statement>(node)) write(set->body);
    else if (auto * filter = as<jinja::filter_statement>(node)) write(filter->body);
    else if (auto * filtered = as<jinja::filter_expression>(node)) {
        // Templates count their messages for each of them, and this walks over none.
        const auto * name = as<jinja::identifier>(filtered->filter.get());
        if (name == nullptr || name->val != "length") bound(filtered->operand, Use::part);
    } else if (auto * array = as<jinja::array_literal>(node)) {
        for (auto & each : array->val) bound(each, Use::part);
    } else if (auto * object = as<jinja::object_literal>(node)) {
        for (auto & [key, value] : object->val) bound(value, Use::part);
    } else if (auto * call = as<jinja::call_expression>(node)) {
        for (auto & argument : call->args) bound(argument, Use::argument);
    } else if (auto * operation = as<jinja::binary_expression>(node)) {
        const std::string & op = operation->op.value;
        const auto use = op == "*" ? Use::factor : op == "+" ? Use::list : Use::part;
        bound(operation->left, use);
        bound(operation->right, use);
    }
}

void visitAll(const jinja::statements & statements, jinja::context & context) {
    for (const auto & each : statements) each->visit(context);
}

} // namespace

TemplateBudget::TemplateBudget(double seconds)
    : mostSeconds(seconds), startedAt(readTime()), startBytes(readPrivateBytes()), stack(stackTop()), nextReading(secondsBetweenReadings) {
    current = this;
}

TemplateBudget::~TemplateBudget() { current = nullptr; }

void TemplateBudget::check() {
    if (exceeded) throw *exceeded;
    const double seconds = secondsSince(startedAt);
    if (seconds > mostSeconds) exceed(TemplateLimit("it takes too long", true));
    if (stack - stackTop() > mostStack) exceed(TemplateLimit("its macros call each other too deeply"));
    if (seconds < nextReading) return;
    nextReading = seconds + secondsBetweenReadings;
    if (readPrivateBytes() > startBytes + mostBytes) exceed(TemplateLimit("it takes more than 256 MiB of memory"));
}

void TemplateBudget::exceed(const TemplateLimit & limit) {
    exceeded.emplace(limit);
    throw limit;
}

double TemplateBudget::secondsOf(size_t parts) {
    return fewestSeconds + static_cast<double>(std::min(parts, mostMessages)) * secondsOfPart;
}

void assertShallow(const std::vector<jinja::token> & tokens) {
    using token = jinja::token;
    static const std::set<std::string> blocks = {"if", "elif", "for", "macro", "call", "filter"};
    size_t start = 0;
    int depth = 0;
    for (size_t at = 0; at < tokens.size(); at++) {
        const auto & [type, value, position] = tokens[at];
        if (type == token::open_statement || type == token::open_expression) start = at;
        if (at - start > mostTokensOfExpression) throw TemplateLimit("it has an expression of more than 1000 parts");
        if (type != token::identifier || at == 0 || tokens[at - 1].t != token::open_statement) continue;
        const bool isText = value == "set" && at + 2 < tokens.size() && tokens[at + 2].t == token::close_statement;
        if (isText || blocks.count(value) > 0) depth += 1;
        else if (value.compare(0, 3, "end") == 0 && depth > 0) depth -= 1;
        if (depth > mostBlocks) throw TemplateLimit("it has more than 100 blocks within each other");
    }
}

void addCheckpoints(const jinja::program & program) {
    jinja::context context;
    context.visitor = [&context](bool isLeaf, const jinja::statement * node, std::vector<jinja::visitor_pair> children) {
        for (const auto & [label, nodes] : children) {
            for (const auto * each : nodes)
                if (each != nullptr) each->visit(context);
        }
        // llama.cpp does not visit what these have.
        if (isLeaf) {
            if (const auto * array = as<jinja::array_literal>(node)) visitAll(array->val, context);
            else if (const auto * tuple = as<jinja::tuple_literal>(node)) visitAll(tuple->val, context);
            else if (const auto * object = as<jinja::object_literal>(node)) {
                for (const auto & [key, value] : object->val) {
                    key->visit(context);
                    value->visit(context);
                }
            }
        }
        change(node);
    };
    visitAll(program.body, context);
    write(const_cast<jinja::statements &>(program.body));
}
