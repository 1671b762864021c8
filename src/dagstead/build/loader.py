"""The program that loads definitions, as a text: another Python runs it, with other packages."""

from __future__ import annotations

#: Run by the target Python with the user's Dagster, which may be older than ours: what a function
#: does not know is left out. So are frames of Dagster and of Python's import system, unless they
#: are all that there is of an error that is not Dagster's own. Its arguments are the origin of the
#: definitions, and where the report of an error goes, see :class:`LoadReport`.
LOADER = """
import inspect, json, os, sys, traceback, warnings

warnings.simplefilter("ignore")
given = json.loads(sys.argv[1])


def fitting(function, values):
    # A record of newer ones takes any keyword, and names its fields in its annotations.
    names = {*inspect.signature(function).parameters, *getattr(function, "__annotations__", ())}
    return function(**{name: value for name, value in values.items() if name in names})


def user_frames(frames):
    import dagster

    hidden = (os.path.dirname(dagster.__file__), "<frozen importlib", "<string>", importlib)
    return [frame for frame in frames if not frame.filename.startswith(hidden)]


def first_line(error):
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [""]
    if type(error).__module__.startswith("pydantic"):
        # Its first line has the class alone, and its last one is a link.
        try:
            return lines[0] + ": " + error.errors()[0]["msg"]
        except Exception:
            pass
    return lines[0]


def files_of(error):
    while error is not None:
        if getattr(error, "filename", None):
            yield str(error.filename)
        if isinstance(error, ModuleNotFoundError) and "." in (error.name or ""):
            yield error.name.replace(".", "/") + ".py"
        error = error.__cause__ or error.__context__


importlib = os.path.dirname(__import__("importlib").__file__)
try:
    from dagster._core.types.loadable_target_origin import LoadableTargetOrigin
    from dagster._grpc.server import LoadedRepositories

    loaded = fitting(
        LoadedRepositories,
        {
            "loadable_target_origin": fitting(LoadableTargetOrigin, given),
            "container_image": None,
            "entry_point": ["dagster"],
            "container_context": None,
            "code_location_name": os.environ.get("DAGSTER_LOCATION_NAME"),
        },
    )
except BaseException as error:
    cause = error
    while cause.__cause__ is not None and type(cause).__module__.startswith("dagster"):
        cause = cause.__cause__
    shown = traceback.TracebackException.from_exception(cause)
    kept = user_frames(shown.stack)
    if kept or type(cause).__module__.startswith("dagster"):
        shown.stack = traceback.StackSummary.from_list(kept)
    print("".join(shown.format()).rstrip(), file=sys.stderr)
    line = first_line(cause)
    report = {
        "summary": type(cause).__qualname__ + (": " + line if line else ""),
        "text": str(cause),
        "files": list(files_of(error)),
    }
    with open(sys.argv[2], "w", encoding="utf-8") as stream:
        json.dump(report, stream)
    sys.exit(1)
repositories = loaded.definitions_by_name.values()
assets = sum(len(each.asset_graph.get_all_asset_keys()) for each in repositories)
names = [job.name for each in repositories for job in each.get_all_jobs()]
# Dagster adds a job of its own that the UI does not show.
jobs = sum(not each.startswith("__ASSET_JOB") for each in names)
print(json.dumps({"assets": assets, "jobs": jobs}))
"""
