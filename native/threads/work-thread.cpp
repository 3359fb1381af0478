#include "work-thread.h"

#include <exception>

#include "coded-error.h"

namespace {

struct Threads {
    WorkThread inference;
    WorkThread preparation;
};

Threads & threadsOf(Napi::Env env) {
    auto * threads = env.GetInstanceData<Threads>();
    if (threads == nullptr) {
        threads = new Threads();
        env.SetInstanceData(threads);
    }
    return *threads;
}

} // namespace

WorkThread & WorkThread::inference(Napi::Env env) { return threadsOf(env).inference; }

WorkThread & WorkThread::preparation(Napi::Env env) { return threadsOf(env).preparation; }

Napi::Value WorkThread::run(Napi::Env env, std::vector<Napi::ObjectReference> kept, Work work) {
    if (ending) throw Napi::Error::New(env, "The process is ending.");
    if (!thread.joinable()) start(env);
    auto job = std::make_unique<Job>(Job{Napi::Promise::Deferred::New(env), std::move(kept), std::move(work), {}, {}, {}});
    const Napi::Promise promise = job->deferred.Promise();
    if (unsettled++ == 0) settlements.Ref(env);
    {
        std::lock_guard<std::mutex> lock(mutex);
        jobs.push_back(std::move(job));
    }
    queued.notify_one();
    return promise;
}

void WorkThread::start(Napi::Env env) {
    settlements = Settlements::New(env, "WorkThread", 0, 1, this);
    settlements.Unref(env);
    // A worker thread that ends runs its clean-up hooks, this one before that of the settlements. A process that ends by
    // process.exit() runs none, but destroys what llama.cpp's libraries hold: it tells its listeners first.
    env.AddCleanupHook([this] { stop(); });
    const auto process = env.Global().Get("process").As<Napi::Object>();
    const auto onExit = Napi::Function::New(env, [this](const Napi::CallbackInfo &) { stop(); });
    process.Get("once").As<Napi::Function>().Call(process, {Napi::String::New(env, "exit"), onExit});
    thread = std::thread([this] { loop(); });
}

void WorkThread::loop() {
    while (true) {
        std::unique_ptr<Job> job;
        {
            std::unique_lock<std::mutex> lock(mutex);
            queued.wait(lock, [this] { return ending || !jobs.empty(); });
            if (ending) return;
            job = std::move(jobs.front());
            jobs.pop_front();
        }
        try {
            job->result = job->work();
        } catch (const CodedError & error) {
            job->error = error.what();
            job->errorCode = error.code;
        } catch (const std::exception & error) {
            job->error = error.what();
        } catch (...) {
            job->error = "llama.cpp failed for an unknown reason.";
        }
        if (settlements.NonBlockingCall(job.get()) != napi_ok) return;
        job.release();
    }
}

void WorkThread::settle(Napi::Env env, Napi::Function, WorkThread * self, Job * job) {
    const std::unique_ptr<Job> owned(job);
    if (env == nullptr || self->ending) {
        // JavaScript runs no more, and its environment frees the references.
        for (auto & reference : job->kept) reference.SuppressDestruct();
        return;
    }
    if (--self->unsettled == 0) self->settlements.Unref(env);
    if (!job->error.empty()) {
        const auto error = Napi::Error::New(env, job->error).Value();
        if (!job->errorCode.empty()) error.Set("code", job->errorCode);
        job->deferred.Reject(error);
    } else job->deferred.Resolve(job->result(env));
}

void WorkThread::stop() {
    if (!thread.joinable()) return;
    {
        std::lock_guard<std::mutex> lock(mutex);
        ending = true;
    }
    queued.notify_one();
    thread.join();
    settlements.Release();
    jobs.clear();
}
